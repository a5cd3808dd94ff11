"""The page of conformance.py: what each program does, by document, readable on a phone.

Columns are programs, as narrow as a mark; rows are checks, folded by document, so that the first screen tells who
fails how often where. What was seen stands in each cell's title, and below for every fail.
"""

import html

VERDICTS = ("pass", "fail", "skipped", "untestable")
# A letter beside the colour.
MARKS = {"pass": "✓", "fail": "✗", "skipped": "–", "untestable": "?", "": ""}
CSS = """
.programs { table-layout: fixed; width: auto; }
.programs thead th { vertical-align: bottom; padding: .3rem 0; }
.programs thead th span { writing-mode: vertical-rl; transform: rotate(180deg); white-space: nowrap; text-align: left; }
.programs th, .programs td { width: 2.1rem; padding: .2rem .1rem; text-align: center; }
.programs tr > :first-child { width: 24rem; text-align: left; white-space: normal; overflow-wrap: anywhere; }
.programs small { display: block; white-space: normal; } .programs .fail { font-weight: 600; }
.programs td.pass { color: var(--none); } .programs td.fail { color: var(--lost); }
summary b { min-width: 0; } .seen { display: block; } .seen dt, .seen dd { overflow-wrap: anywhere; }
@media (max-width: 40rem) { .programs { width: 100%; } .programs th, .programs td { width: 1.5rem; padding: .2rem 0; font-size: .72rem; }
  .programs tr > :first-child { width: auto; font-size: .8rem; } .programs thead th span { font-size: .75rem; } .programs small { font-size: .75rem; } }
"""


def page(css, servers, clients):
    """The whole page, of columns: title -> id -> result."""
    body = [
        "<h1>Conformance</h1>",
        "<p class=question>What FTP servers and clients do of what the RFCs require.</p>",
        "<ul class=key>" + "".join(f"<li><b>{MARKS[verdict]}</b> {verdict}</li>" for verdict in VERDICTS) + "</ul>",
        "<p>A row is a requirement, with MUST, SHOULD or MAY; a column a program, of the version named. Skipped: not "
        "offered. Untestable: nothing to ask it by here. The rows are also in <a href=servers.csv>servers.csv</a> and "
        "<a href=clients.csv>clients.csv</a>.</p>",
        matrix("Servers", servers), matrix("Clients", clients),
    ]
    return ("<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n<title>ftpsim: conformance</title>\n"
            "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n<link rel=icon href=\"data:,\">\n"
            f"<style>\n{css}{CSS}</style>\n</head>\n<body>\n<main>\n" + "\n".join(body)
            + "\n</main>\n</body>\n</html>\n")


def matrix(title, columns):
    documents = {}
    for results in columns.values():
        for check, result in results.items():
            documents.setdefault(check.split("/")[0], {}).setdefault(check, result)
    text = [f"<h2 id={title.lower()}>{title}</h2>", overview(title, columns, documents)]
    for document, checks in documents.items():
        text.append(section(f"{title}, {name(document)}", document, checks, columns))
    return "\n".join(text)


def name(document):
    return f"RFC {document}" if document.isdigit() else document


def verdicts_of(results, checks):
    return [results[check]["verdict"] for check in checks if check in results]


def overview(title, columns, documents):
    """Fails by document, and what came of all."""
    rows = []
    for document, checks in documents.items():
        fails = [verdicts_of(results, checks).count("fail") for results in columns.values()]
        cells = "".join(f"<td class={'fail' if n else 'pass'}>{n}</td>" for n in fails)
        rows.append(f"<tr><th scope=row>{name(document)} <small>fails, of {len(checks)} requirements</small></th>{cells}</tr>")
    for verdict in VERDICTS:
        numbers = [verdicts_of(results, results).count(verdict) for results in columns.values()]
        rows.append(f"<tr><th scope=row>{verdict} <small>of all</small></th>"
                    + "".join(f"<td>{n}</td>" for n in numbers) + "</tr>")
    return table(f"{title}: fails", columns, rows)


def table(label, columns, rows):
    heads = "".join(f"<th scope=col><span>{html.escape(column)}</span></th>" for column in columns)
    return (f"<div class=wide tabindex=0 role=region aria-label=\"{html.escape(label, quote=True)}\">"
            f"<table class=programs><thead><tr><td></td>{heads}</tr></thead><tbody>\n" + "\n".join(rows)
            + "\n</tbody></table></div>")


def section(label, document, checks, columns):
    rows, seen = [], []
    for check, result in checks.items():
        cells = []
        for column, results in columns.items():
            there = results.get(check, {"verdict": "", "seen": ""})
            verdict, said = there["verdict"], html.escape(printable(there["seen"]), quote=True)
            cells.append(f"<td class=\"{verdict}\" title=\"{verdict}: {said}\">{MARKS[verdict]}</td>")
            if verdict == "fail":
                seen.append(f"<dt>{html.escape(column)}, {html.escape(check)}</dt><dd>{said}</dd>")
        what = f"{html.escape(result['level'])}: {html.escape(result['sentence'])}"
        rows.append(f"<tr><th scope=row>{broken(check)} <small>{what}</small></th>{''.join(cells)}</tr>")
    fails = f", {len(seen)} fails" if len(seen) != 1 else ", 1 fail"
    found = "\n<details><summary>What was seen where it failed</summary><dl class=seen>" + "\n".join(seen) + "</dl></details>"
    return (f"<details><summary>{name(document)}: {len(checks)} requirements{fails if seen else ', nothing fails'}"
            f"</summary>\n{table(label, columns, rows)}{found if seen else ''}</details>")


def broken(check):
    """An id that may be broken behind its slashes."""
    return html.escape(check).replace("/", "/<wbr>")


def printable(text):
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
