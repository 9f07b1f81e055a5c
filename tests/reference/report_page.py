"""Opens a report in Chromium.

`check` verifies the page: no request, no message on the console, no script, unique identifiers, links with targets,
no violation of axe-core in light, dark, narrow and printed form, every part within reach of the keyboard, and each
number equal to what `starlift query` returns for the SQL that the page names. `pdf` prints the page, and verifies that
the PDF has all headings, totals and tables, in their order and within the margins. `picture` takes a screenshot.
"""

import argparse
import decimal
import json
import pathlib
import re
import subprocess
import sys
import time
import unicodedata

import axe_playwright_python
import pypdfium2
from playwright.sync_api import sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

AXE = (pathlib.Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()

# Seconds to wait for the browser.
PATIENCE = 10

# Margin at the left and the right of a printed page in points, as the style sheet sets it, and the distance by which the
# box of a character can exceed it.
MARGIN = 12 / 25.4 * 72
TOLERANCE = 2

# Rows of a table that the page shows.
SHOWN_ROWS = 50

problems = []


def expect(holds, problem):
    """Notes a problem unless `holds`."""
    if not holds:
        problems.append(problem)


def open_page(browser, args, seen, **options):
    """Opens the report in a new context. Requests and messages are added to `seen`."""
    context = browser.new_context(bypass_csp=True, **options)
    page = context.new_page()
    url = pathlib.Path(args.page).resolve().as_uri()
    page.on("request", lambda request: None if request.url == url else seen.append(f"request of {request.url}"))
    page.on("console", lambda message: seen.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: seen.append(f"error: {error}"))
    page.goto(url)
    return page


def structure(page, texts):
    """Checks elements, identifiers and links."""
    facts = page.evaluate(
        """() => {
            const all = [...document.querySelectorAll('*')];
            const ids = all.map(e => e.id).filter(id => id);
            const refs = all.flatMap(e => (e.getAttribute('aria-labelledby') || '').split(' ')).filter(id => id);
            const links = [...document.querySelectorAll('a')].map(e => e.getAttribute('href'));
            return {
                names: [...new Set(all.map(e => e.localName))],
                handlers: all.flatMap(e => [...e.attributes]).map(a => a.name).filter(n => n.startsWith('on')),
                repeated: ids.filter((id, at) => ids.indexOf(id) !== at),
                missing: refs.filter(id => !document.getElementById(id)),
                links,
                lost: links.filter(l => l.startsWith('#') && !document.getElementById(decodeURIComponent(l.slice(1)))),
                headings: document.querySelectorAll('h1').length,
                title: document.title,
                text: document.body.textContent,
                uncaptioned: [...document.querySelectorAll('table')].filter(t => !t.caption).length,
                unnamed: [...document.querySelectorAll('svg')].filter(s => !s.getAttribute('aria-label')).length,
            };
        }"""
    )
    unwanted = {"script", "img", "iframe", "object", "embed", "link", "image", "foreignObject", "use", "base", "form"}
    expect(not unwanted & set(facts["names"]), f"elements {unwanted & set(facts['names'])}")
    for kind in ["handlers", "repeated", "missing", "lost"]:
        expect(not facts[kind], f"{kind}: {facts[kind][:5]}")
    expect(facts["headings"] == 1 and not facts["uncaptioned"] and not facts["unnamed"], "headings, captions or names")
    expect("owned" not in facts["title"], f"the title is {facts['title']}")
    for link in facts["links"]:
        expect(link.startswith(("#", "data:text/csv")), f"a link to {link[:60]}")
    for text in texts:
        expect(text in facts["text"], f"the page lacks the text {text!r}")


def accessible(page, form):
    """Runs axe-core."""
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    page.evaluate(AXE)
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    for violation in found["violations"]:
        nodes = [node["html"][:160] for node in violation["nodes"][:3]]
        problems.append(f"{form}: axe {violation['id']}: {violation['help']}: {nodes}")
    expect(len(found["passes"]) > 15, f"{form}: axe ran only {len(found['passes'])} rules")


def keyboard(page):
    """Reaches every link, box and summary with Tab, and opens each summary with Enter."""
    wanted = page.evaluate("document.querySelectorAll('a, summary').length")
    reached = set()
    for _ in range(3000):
        page.keyboard.press("Tab")
        kind, number, is_summary = page.evaluate(
            """() => {
                const e = document.activeElement;
                const all = [...document.querySelectorAll('a, summary')];
                return [e.localName, all.indexOf(e), e.localName === 'summary'];
            }"""
        )
        if kind == "body":
            break
        if is_summary:
            if number in reached:
                break
            page.keyboard.press("Enter")
        if number >= 0:
            reached.add(number)
    # Links in details become reachable when these are opened.
    expect(len(reached) >= wanted * 0.9, f"Tab reaches {len(reached)} of {wanted} links and summaries")
    closed = page.evaluate("document.querySelectorAll('details:not([open])').length")
    expect(closed == 0, f"the keyboard does not open {closed} details")


def printed(page):
    """Checks that tables are visible in print although their details are closed."""
    page.emulate_media(media="print", color_scheme="dark")
    hidden_tables = """() => [...document.querySelectorAll('figure details.table table')].filter(
        t => !t.checkVisibility({contentVisibilityAuto: true, visibilityProperty: true})
            || t.getBoundingClientRect().height === 0).length"""
    # The browser lays out the tables some frames after the change of the medium.
    deadline = time.monotonic() + PATIENCE
    while (hidden := page.evaluate(hidden_tables)) > 0 and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    expect(hidden == 0, f"{hidden} tables are not printed")
    ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    expect(ground == "rgb(255, 255, 255)", f"the ground of a printed page is {ground}")


def shown(cell, value):
    """Returns True if a cell shows the value of a query."""
    text, is_null = cell
    if value is None:
        return is_null
    if isinstance(value, bool) or not isinstance(value, (int, float, decimal.Decimal)):
        value = str(value)
        if "characters)" in text and "… (" in text:
            return True
        escaped = re.sub(r"[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]", "", value)
        plain = re.sub(r"\\u\{[0-9a-f]+\}|\\[rnt]", "", text)
        return plain in (escaped, value.replace("T", " "), value)
    number = decimal.Decimal(text.replace(",", "").removesuffix(" %"))
    return number == decimal.Decimal(str(value))


def numbers(page, args):
    """Compares the tables of the figures with the answers of their queries."""
    figures = page.evaluate(
        """() => [...document.querySelectorAll('figure')].filter(f => f.querySelector('pre code')).map(f => ({
            id: f.id,
            sql: f.querySelector('pre code').textContent,
            tiles: [...f.querySelectorAll('.tiles dd')].map(d => d.textContent),
            rows: [...f.querySelectorAll('tbody tr')].map(r =>
                [...r.cells].map(c => [c.textContent, c.classList.contains('null')])),
        }))"""
    )
    expect(len(figures) >= 19, f"only {len(figures)} figures name their SQL")
    compared = 0
    for figure in figures:
        command = [args.starlift, "query", "--star", args.star, "--format", "json", "--sql", figure["sql"]]
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        answer = json.loads(answer, parse_float=decimal.Decimal)
        rows = figure["rows"]
        expect(len(rows) == min(len(answer), SHOWN_ROWS), f"{figure['id']}: {len(rows)} of {len(answer)} rows")
        for row, values in zip(rows, answer):
            values = list(values.values())
            expect(len(row) == len(values), f"{figure['id']}: {len(row)} cells, {len(values)} values")
            for cell, value in zip(row, values):
                compared += 1
                expect(shown(cell, value), f"{figure['id']}: the page has {cell}, the query {value!r}")
        tiles = [[text, text == "none"] for text in figure["tiles"]]
        for tile, value in zip(tiles, answer[0].values() if answer and tiles else []):
            compared += 1
            expect(shown(tile, value), f"{figure['id']}: a tile has {tile}, the query {value!r}")
    return compared


def check(browser, args):
    seen = []
    page = open_page(browser, args, seen, viewport={"width": 1200, "height": 900})
    structure(page, args.text)
    keyboard(page)
    compared = numbers(page, args)
    accessible(page, "light")
    light = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    page = open_page(browser, args, seen, viewport={"width": 1200, "height": 900}, color_scheme="dark")
    dark = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    expect(light != dark, f"light and dark pages are both {light}")
    accessible(page, "dark")
    page = open_page(browser, args, seen, viewport={"width": 360, "height": 700})
    width = page.evaluate("document.documentElement.scrollWidth")
    expect(width <= 360, f"a page of 360 pixels scrolls to {width}")
    accessible(page, "narrow")
    page = open_page(browser, args, seen, viewport={"width": 1000, "height": 900})
    printed(page)
    accessible(page, "print")
    problems.extend(seen)
    report_problems()
    print(f"{compared} numbers and texts are those of starlift query")
    print("light, dark, narrow and printed pages are accessible")


def compact(text):
    """Returns the characters of a text for which every machine has glyphs, without white space: lines are broken anywhere
    in print."""
    # PDFium replaces a hyphen at the end of a line.
    text = unicodedata.normalize("NFC", text.replace("\ufffe", "-"))
    return "".join(c for c in text if "!" <= c <= "\u024f" and c.isprintable() or c in "–…")


def printed_parts(page):
    """Returns the texts that a printed page must have, in their order: headings, totals, findings and rows."""
    return page.evaluate(
        """() => [...document.querySelectorAll('h1, h2, h3, .tiles > div, .finding, .note, caption, tr')]
            .filter(e => !e.closest('details.how'))
            .map(e => [e.localName, e.localName === 'tr' ? [...e.cells].map(c => c.textContent).join(' ') : e.textContent])"""
    )


def within_margins(number, page, texts):
    """Checks that each character of a page is within its margins."""
    width, height = page.get_size()
    outside = []
    for at in range(texts.count_chars()):
        left, bottom, right, top = texts.get_charbox(at)
        if right <= left or top <= bottom:
            continue
        across = MARGIN - TOLERANCE <= left and right <= width - MARGIN + TOLERANCE
        if not across or bottom < 0 or top > height:
            outside.append(texts.get_text_range(at, 1))
    expect(not outside, f"page {number} has characters outside of its margins: {''.join(outside)[:60]!r}")


def pdf(browser, args):
    seen = []
    page = open_page(browser, args, seen)
    parts = printed_parts(page)
    printed = page.pdf(format="A4", prefer_css_page_size=True)
    if args.save:
        pathlib.Path(args.save).write_bytes(printed)
    document = pypdfium2.PdfDocument(printed)
    text = ""
    for number, sheet in enumerate(document, 1):
        texts = sheet.get_textpage()
        within_margins(number, sheet, texts)
        text += compact(texts.get_text_range())
    at, rows = 0, 0
    for kind, part in parts:
        wanted = compact(part)
        found = text.find(wanted, at)
        if found < 0:
            problems.append(f"the PDF lacks the {kind} {part[:160]!r} after {text[max(0, at - 40) : at]!r}")
            continue
        at = found + len(wanted)
        rows += kind == "tr"
    kinds = [kind for kind, _ in parts]
    expect(kinds.count("h2") >= 3 and kinds.count("caption") >= 5, "the page has hardly any headings and tables")
    problems.extend(seen)
    report_problems()
    print(f"{len(document)} printed pages have {kinds.count('caption')} tables with {rows} rows")


def report_problems():
    for problem in problems[:40]:
        print(problem)
    if problems:
        sys.exit(f"{len(problems)} problems")


def picture(browser, args):
    viewport = {"width": args.width, "height": args.height}
    page = open_page(browser, args, [], viewport=viewport, color_scheme=args.scheme, device_scale_factor=args.scale)
    page.screenshot(path=args.png, full_page=args.full)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("check")
    one.add_argument("page")
    one.add_argument("--star", required=True)
    one.add_argument("--starlift", required=True)
    one.add_argument("--text", action="append", default=[], help="text that the page must have")
    printed = commands.add_parser("pdf")
    printed.add_argument("page")
    printed.add_argument("--save", help="file for the PDF")
    other = commands.add_parser("picture")
    other.add_argument("page")
    other.add_argument("png")
    other.add_argument("--width", type=int, default=1200)
    other.add_argument("--height", type=int, default=1500)
    other.add_argument("--scale", type=float, default=1.0)
    other.add_argument("--scheme", default="light")
    other.add_argument("--full", action="store_true")
    args = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=args.chromium, args=FLAGS)
        {"check": check, "pdf": pdf, "picture": picture}[args.command](browser, args)
        browser.close()


main()
