//! What all pages have.

#[cfg(feature = "cli")]
use ftp_proto::name::Printable;

pub(in crate::report) const CSS: &str = include_str!("../report.css");

/// A whole document that needs nothing else; `css` beside the style of all pages.
pub(in crate::report) fn document(title: &str, css: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\n\
         <link rel=icon href=\"data:,\">\n<title>ftpsim: {}</title>\n<style>\n{CSS}{css}</style>\n</head>\n\
         <body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        escape(title),
    )
}

/// Links to the headings of `body` that have ids; nothing where there are few.
pub(in crate::report) fn contents(body: &str) -> String {
    let mut links = Vec::new();
    for part in body.split("<h2 id=").skip(1) {
        let Some((id, rest)) = part.split_once('>') else { continue };
        let Some((heading, _)) = rest.split_once("</h2>") else { continue };
        let short = heading.split([',', ':', '<']).next().unwrap_or(heading).trim();
        links.push(format!("<a href=\"#{id}\">{short}</a>"));
    }
    if links.len() < 3 {
        return String::new();
    }
    format!("<nav class=contents aria-label=Contents>{}</nav>\n", links.join(" "))
}

/// What somebody else has said, so that it deceives nobody.
#[cfg(feature = "cli")]
pub(in crate::report) fn shown(text: &str) -> String {
    escape(&Printable(text).to_string())
}

pub(in crate::report) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
