"""One self-contained HTML page that tells a run to a colleague."""

from voisin.report.content import ReportContent, StageTime
from voisin.report.page import render_report

__all__ = ["ReportContent", "StageTime", "render_report"]
