from .sentences import told as told
from .text import class_label as class_label
from .text import color_word as color_word
from .text import language_of as language_of
from .text import say as say
