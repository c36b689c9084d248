#!/usr/bin/env python3
"""GIMP 3: the selected object in another color, as a layer with a mask, from a running dmlseg.

Untested inside GIMP: see docs/plugins.md.
"""

import sys
import tempfile
from pathlib import Path

import gi

gi.require_version("Babl", "0.1")
gi.require_version("Gegl", "0.4")
gi.require_version("Gimp", "3.0")
gi.require_version("GimpUi", "3.0")
from gi.repository import Babl, Gegl, Gimp, GimpUi, Gio, GLib, GObject  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parent))
from dmlseg_client import DEFAULT, Client, DmlsegError, told, where_of  # noqa: E402

NAME = "dmlseg-recolor"


class Dmlseg(Gimp.PlugIn):
    """The plug-in: one procedure."""

    def do_query_procedures(self):
        """Names of what it adds."""
        return [NAME]

    def do_set_i18n(self, name):
        """No translations."""
        return False

    def do_create_procedure(self, name):
        """Colors > Recolor with dmlseg..."""
        made = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, self.run, None)
        made.set_image_types("RGB*")  # a gray picture would take the color off the new layer
        made.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE)
        made.set_menu_label("Recolor with dmlseg...")
        made.add_menu_path("<Image>/Colors")
        made.set_documentation(
            "Give the selected object another color",
            "Select around the object (or a pixel of it): what fills the selection is recolored by "
            "a running dmlseg (dmlseg app) and comes back as a layer with a layer mask.",
            name,
        )
        made.set_attribution("dmlseg", "dmlseg", "2026")
        Gegl.init(None)  # before its first color
        flags = GObject.ParamFlags.READWRITE
        made.add_string_argument("server", "_Server", "Where dmlseg runs", DEFAULT, flags)
        made.add_color_argument(
            "color", "_Color", "The object's new color", False, Gegl.Color.new("navy"), flags
        )
        return made

    def run(self, procedure, mode, image, drawables, config, data):  # noqa: PLR0917 - GIMP's order
        """Ask, send, bring back; one undo step."""
        if mode == Gimp.RunMode.INTERACTIVE:
            GimpUi.init(NAME)
            dialog = GimpUi.ProcedureDialog.new(procedure, config, "Recolor with dmlseg")
            dialog.fill(None)
            if not dialog.run():
                return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, GLib.Error())
            dialog.destroy()
        image.undo_group_start()
        try:
            layer = drawables[0]
            Gimp.message(bring_back(image, layer, config))
        except DmlsegError as error:
            return procedure.new_return_values(
                Gimp.PDBStatusType.EXECUTION_ERROR, GLib.Error(str(error))
            )
        finally:
            image.undo_group_end()
        Gimp.displays_flush()
        return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, GLib.Error())


def bring_back(image, layer, config):
    """The recolored layer over the given one; what was measured, in a sentence."""
    where = where_of(*selected(image, layer))
    color = hex_of(config.get_property("color"))
    client = Client(config.get_property("server"))
    with tempfile.TemporaryDirectory(prefix="dmlseg-") as folder:
        sent, made = Path(folder, "layer.png"), Path(folder, "made.png")
        save(layer, str(sent))
        found = client.analyze(sent.read_bytes())
        png, figures = client.layer(found["id"], where, color)
        made.write_bytes(png)
        file = Gio.File.new_for_path(str(made))
        new = Gimp.file_load_layer(Gimp.RunMode.NONINTERACTIVE, image, file)
    new.set_name(f"dmlseg {color}")
    image.insert_layer(new, layer.get_parent(), image.get_item_position(layer))
    _, left, top = layer.get_offsets()
    new.set_offsets(left, top)
    new.add_mask(new.create_mask(Gimp.AddMaskType.ALPHA_TRANSFER))
    return told(figures)


def hex_of(color):
    """A Gegl.Color as "#rrggbb", sRGB: its get_rgba() would be linear light."""
    return "#" + bytes(color.get_bytes(Babl.format("R'G'B' u8")).get_data()[:3]).hex()


def selected(image, layer):
    """Left, top, right, bottom of the selection, in the layer's own pixels."""
    _, there, left, top, right, bottom = Gimp.Selection.bounds(image)
    if not there:
        raise DmlsegError("select around the object first (any selection tool)")
    _, x, y = layer.get_offsets()
    return left - x, top - y, right - x - 1, bottom - y - 1


def save(layer, path):
    """A layer alone as a PNG."""
    alone = Gimp.Image.new(layer.get_width(), layer.get_height(), layer.get_image().get_base_type())
    try:
        copy = Gimp.Layer.new_from_drawable(layer, alone)
        alone.insert_layer(copy, None, 0)
        copy.set_offsets(0, 0)
        file = Gio.File.new_for_path(path)
        if not Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, alone, file, None):
            raise DmlsegError("the layer could not be written as a PNG")
    finally:
        alone.delete()


if __name__ == "__main__":
    Gimp.main(Dmlseg.__gtype__, sys.argv)
