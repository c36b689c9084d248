from .gate import ColorGate as ColorGate
from .gate import gated as gated
from .palette import Material as Material
from .palette import Palette as Palette
from .targets import Target as Target
from .targets import check_materials as check_materials
from .targets import jobs_of as jobs_of
from .targets import sentence as sentence
