from .averaging import average as average
from .calibration import PHOTOS as PHOTOS
from .calibration import calibrate as calibrate
from .rescaling import rescale as rescale
