"""A selection: one instance that the user chose, and how it is to look."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from dmlseg_core.edit.style import Style
from dmlseg_core.scene import Override


@dataclass(frozen=True)
class Selection(Style):
    """One instance that the user chose, and how it is to look.

    Attributes:
        where: its points and tau.
        id: names it in one session, whatever its place in the list.
        name: the user's own word for it; "" = none.
        visible: whether it is painted and found by clicks.
        locked: neither points nor style may be changed.
    """

    where: Override
    id: int = 0
    name: str = ""
    visible: bool = True
    locked: bool = False

    def styled(self, style: Style) -> Selection:
        """The same instance in another style."""
        return replace(self, **{f.name: getattr(style, f.name) for f in fields(Style)})

    @property
    def style(self) -> Style:
        """How it is to look, without where it is."""
        return Style(**{f.name: getattr(self, f.name) for f in fields(Style)})

    @property
    def simple(self) -> bool:
        """Whether its mask is what one point and tau give, with no work of the hand on it."""
        where = self.where
        return not (where.add or where.subtract or where.box or where.strokes or where.given)

    @property
    def finished(self) -> bool:
        """Whether another outline at a click would cost work: that is kept, and only activated."""
        return self.painted or not self.simple

    @property
    def shown(self) -> bool:
        """Whether it changes the picture."""
        return self.visible and self.painted
