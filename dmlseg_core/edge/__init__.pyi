from .alpha import refine_alpha as refine_alpha
from .alpha import sampled as sampled
from .foreground import ForegroundModel as ForegroundModel
from .foreground import estimate_foreground as estimate_foreground
from .matting import matte_alpha as matte_alpha
from .spill import Spill as Spill
