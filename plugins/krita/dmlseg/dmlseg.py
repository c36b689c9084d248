"""Tools > Scripts: two actions on the active layer and the selection."""

from krita import Extension, Krita, Selection

try:
    from PyQt5.QtCore import QBuffer, QByteArray, QIODevice
    from PyQt5.QtGui import QImage
    from PyQt5.QtWidgets import QColorDialog, QInputDialog, QMessageBox
except ImportError:  # Krita 6
    from PyQt6.QtCore import QBuffer, QByteArray, QIODevice
    from PyQt6.QtGui import QImage
    from PyQt6.QtWidgets import QColorDialog, QInputDialog, QMessageBox

from .dmlseg_client import DEFAULT, Client, DmlsegError, told, where_of


class Dmlseg(Extension):
    """The actions."""

    def setup(self):
        """Nothing to prepare."""

    def createActions(self, window):  # noqa: N802 - Krita's name
        """Add them to Tools > Scripts."""
        for name, title, act in (
            ("dmlseg_recolor", "Recolor with dmlseg...", self.recolor),
            ("dmlseg_select", "Select the object with dmlseg", self.select),
            ("dmlseg_server", "Address of dmlseg...", self.server),
        ):
            action = window.createAction(name, title, "tools/scripts")
            action.triggered.connect(lambda _=False, act=act: self.tried(act))

    def tried(self, act):
        """An action; what goes wrong is told in a box."""
        try:
            act()
        except DmlsegError as error:
            QMessageBox.warning(None, "dmlseg", str(error))

    def server(self):
        """Where dmlseg runs; Krita remembers it."""
        text, fine = QInputDialog.getText(None, "dmlseg", "Address", text=address())
        if fine:
            Client(text)  # told now where it is none
            Krita.instance().writeSetting("dmlseg", "server", text)

    def recolor(self):
        """A layer over the active one with the object in another color."""
        document, node, where = asked()
        color = QColorDialog.getColor()
        if not color.isValid():
            return
        client = Client(address())
        found = client.analyze(png_of(document, node))
        png, figures = client.layer(found["id"], where, color.name())
        image = QImage.fromData(QByteArray(png)).convertToFormat(QImage.Format.Format_ARGB32)
        new = document.createNode("dmlseg " + color.name(), "paintlayer")
        size = image.width(), image.height()
        new.setPixelData(bytes_of(image, 4 * size[0]), 0, 0, *size)
        node.parentNode().addChildNode(new, node)
        document.refreshProjection()
        QMessageBox.information(None, "dmlseg", told(figures))

    def select(self):
        """The selection becomes the object that fills it."""
        document, node, where = asked()
        client = Client(address())
        found = client.analyze(png_of(document, node))
        png, _ = client.mask(found["id"], where)
        image = QImage.fromData(QByteArray(png)).convertToFormat(QImage.Format.Format_Grayscale8)
        made = Selection()
        made.setPixelData(bytes_of(image, image.width()), 0, 0, image.width(), image.height())
        document.setSelection(made)


def address():
    """Where dmlseg runs."""
    return Krita.instance().readSetting("dmlseg", "server", DEFAULT)


def asked():
    """The document, its active layer, and what the selection means."""
    document = Krita.instance().activeDocument()
    if document is None:
        raise DmlsegError("open a picture first")
    if (document.colorModel(), document.colorDepth()) != ("RGBA", "U8"):
        raise DmlsegError(
            "this works on RGB pictures of 8 bits (Image > Convert Image Color Space)"
        )
    selection = document.selection()
    if selection is None or not selection.width():
        raise DmlsegError("select around the object first (any selection tool)")
    left, top = selection.x(), selection.y()
    box = left, top, left + selection.width() - 1, top + selection.height() - 1
    return document, document.activeNode(), where_of(*box)


def png_of(document, node):
    """The layer as it is shown, of the document's size."""
    width, height = document.width(), document.height()
    pixels = bytes(node.projectionPixelData(0, 0, width, height))  # BGRA, as Qt's ARGB32
    image = QImage(pixels, width, height, 4 * width, QImage.Format.Format_ARGB32)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image.save(buffer, "PNG"):
        raise DmlsegError("the layer could not be written as a PNG")
    return bytes(buffer.data())


def bytes_of(image, row):
    """An image's pixels without what Qt adds to its rows: `row` bytes each."""
    bits = image.constBits()
    bits.setsize(image.bytesPerLine() * image.height())
    data, step = bytes(bits), image.bytesPerLine()
    return QByteArray(b"".join(data[k * step : k * step + row] for k in range(image.height())))


Krita.instance().addExtension(Dmlseg(Krita.instance()))
