from .figure import plot_log as plot_log
from .report import prepare as prepare
from .report import write_report as write_report
from .report import write_sweep_report as write_sweep_report
from .sets import evaluate_folders as evaluate_folders
from .sweep import sweep_folders as sweep_folders
