from .apply import recolor as recolor
from .apply import recolor_many as recolor_many
from .look import Look as Look
from .lut import cube_of as cube_of
from .lut import lut_of as lut_of
from .materials import ColorGate as ColorGate
from .report import Recolored as Recolored
from .subject import Subject as Subject
