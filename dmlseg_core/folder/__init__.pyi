from .inputs import find_jobs as find_jobs
from .output import palette as palette
from .run import BatchReport as BatchReport
from .run import segment_folder as segment_folder
