from .serve import mcp_server as mcp_server
from .serve import over_http as over_http
from .serve import over_stdio as over_stdio
