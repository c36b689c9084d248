from .averaging import average as average
from .bodywork import fit_bodywork as fit_bodywork
from .calibration import PHOTOS as PHOTOS
from .calibration import calibrate as calibrate
from .people import fit_people as fit_people
from .regions import fit_regions as fit_regions
from .rescaling import rescale as rescale
