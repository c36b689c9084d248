from .completion import HINTS as HINTS
from .completion import MANUAL as MANUAL
from .completion import install_completion as install_completion
from .completion import shell_file as shell_file
from .parser import Parser as Parser
