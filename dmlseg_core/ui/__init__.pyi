from .launch import main as main
