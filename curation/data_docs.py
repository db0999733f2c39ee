"""Data Docs that need no network and run no script: the pages of Great Expectations, in templates and styles of our own.

Its own pages take styles, scripts and the table of their index from servers of others, and put values of rows, which models
have written, into the page as they are. Here every text is shown as text, and the page forbids itself scripts and requests.
Imported only where Great Expectations is there.
"""

from html import escape
from importlib.resources import files
from pathlib import Path
from shutil import rmtree
from typing import Any

from great_expectations.render.view.view import DefaultJinjaPageView
from jinja2 import ChoiceLoader, FileSystemLoader, pass_context

from pairsmith.curation.visible import visible

_TEMPLATES = Path(str(files("pairsmith.cards"))) / "data_docs"


class LocalPage(DefaultJinjaPageView):
    """A page of Data Docs in our templates: ``page.jinja``, and those that take the place of templates of the same name."""

    _template = "page.jinja"

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.env.loader = ChoiceLoader([FileSystemLoader(_TEMPLATES), *filter(None, [self.env.loader])])
        self.env.filters["shown"] = shown

    @pass_context
    def render_content_block(self, context: Any, content_block: Any, *options: Any, **named: Any) -> Any:
        """As Great Expectations does it, but bare texts are texts: there they are taken for HTML."""
        if isinstance(content_block, str):
            return shown(content_block)
        if isinstance(content_block, list):
            content_block = [shown(one) if isinstance(one, str) else one for one in content_block]
        return super().render_content_block(context, content_block, *options, **named)

    @staticmethod
    def _escape_template_param_value(value: Any) -> Any:
        return shown(value) if isinstance(value, str) else value


def shown(text: object) -> str:
    """``text`` as HTML that shows it."""
    return escape(visible(str(text)))


def add_site(context: Any, folder: Path) -> None:
    """Make ``folder`` the only site of Data Docs of an ephemeral ``context``; what was there goes."""
    for name, site in dict(context.variables.data_docs_sites).items():
        rmtree(site["store_backend"]["base_directory"], ignore_errors=True)  # a temporary one, which would stay
        context.delete_data_docs_site(name)
    view = {"view": {"module_name": __name__, "class_name": LocalPage.__name__}}
    store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder.resolve())}
    config = {
        "class_name": "SiteBuilder",
        "store_backend": store,
        "show_how_to_buttons": False,
        "site_section_builders": {
            "expectations": view,
            "validations": {**view, "run_name_filter": {"not_equals": "/"}},  # all: by default none named profiling
            "profiling": "none",
        },
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder", **view},
    }
    context.add_data_docs_site("pairsmith", config)
