from .answer import Answer as Answer
from .calls import CALLS as CALLS
from .calls import Call as Call
from .http import api_app as api_app
from .kept import Kept as Kept
from .service import Service as Service
