"""Read a page as a browser would, with the standard library's parser."""

from html.parser import HTMLParser

_VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Elements with their attributes, the text that is read, and the tables by caption."""

    def __init__(self, html):
        super().__init__()
        self.html = html
        self.elements, self.open, self.misnested = [], [], []
        self.words = []
        self.tables = {}
        self._caption = self._rows = self._cell = None
        self.feed(html)
        self.close()

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)
        if tag == "table":
            self._caption, self._rows = "", []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.misnested.append(tag)
        if tag == "table":
            self.tables[self._caption.strip()] = self._rows
            self._rows = None

    def handle_data(self, data):
        if "style" in self.open or "svg" in self.open:
            return
        self.words.append(data)
        if "caption" in self.open:
            self._caption += data
        elif self._rows and ("td" in self.open or "th" in self.open):
            self._rows[-1][-1] += data + " "

    def table(self, caption):
        """Rows of a table as lists of words."""
        return [[" ".join(cell.split()) for cell in row] for row in self.tables[caption]]
