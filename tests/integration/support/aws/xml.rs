//! Parsing, changing and writing the XML of answers.

use std::fmt;

use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::{BytesStart, Event};

/// An element with either text or children, as the Query protocol sends no other kinds.
#[derive(Clone, Debug, Default)]
pub struct Element {
    name: String,
    namespace: Option<String>,
    text: String,
    children: Vec<Element>,
}

impl Element {
    pub fn new(name: &str) -> Element {
        Element { name: name.to_owned(), ..Element::default() }
    }

    pub fn with_text(name: &str, text: impl Into<String>) -> Element {
        Element { text: text.into(), ..Element::new(name) }
    }

    pub fn with(name: &str, children: Vec<Element>) -> Element {
        Element { children, ..Element::new(name) }
    }

    pub fn in_namespace(self, namespace: &str) -> Element {
        Element { namespace: Some(namespace.to_owned()), ..self }
    }

    /// Parses a document and returns its root.
    pub fn parse(document: &str) -> Result<Element, String> {
        let mut reader = quick_xml::Reader::from_str(document);
        let mut open = vec![Element::default()];
        loop {
            match reader.read_event().map_err(|error| error.to_string())? {
                Event::Start(start) => open.push(Element::begun(&start)),
                Event::Empty(start) => last(&mut open).children.push(Element::begun(&start)),
                Event::End(_) => {
                    let done = open.pop().unwrap_or_default();
                    last(&mut open).children.push(done);
                }
                Event::Text(text) => {
                    let text = text.decode().map_err(|error| error.to_string())?;
                    last(&mut open).text.push_str(&text);
                }
                Event::GeneralRef(reference) => {
                    let char = reference.resolve_char_ref().map_err(|error| error.to_string())?;
                    let name = reference.decode().map_err(|error| error.to_string())?;
                    let text = char.map(String::from);
                    let text = text.or_else(|| resolve_predefined_entity(&name).map(str::to_owned));
                    last(&mut open).text.push_str(&text.ok_or_else(|| name.into_owned())?);
                }
                Event::Eof => break,
                _ => {}
            }
        }
        let root = last(&mut open).children.pop();
        root.filter(|_| open.len() == 1).ok_or_else(|| format!("no XML: {document}"))
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn children_mut(&mut self) -> &mut Vec<Element> {
        &mut self.children
    }

    /// The first descendant with that name, at any depth.
    pub fn find(&self, name: &str) -> Option<&Element> {
        self.children
            .iter()
            .find_map(|child| if child.name == name { Some(child) } else { child.find(name) })
    }

    pub fn find_mut(&mut self, name: &str) -> Option<&mut Element> {
        self.children
            .iter_mut()
            .find_map(|child| if child.name == name { Some(child) } else { child.find_mut(name) })
    }

    /// The text of the first descendant with that name; empty if there is none.
    pub fn text_of(&self, name: &str) -> &str {
        self.find(name).map_or("", |element| element.text.trim())
    }

    /// The texts of all descendants with that name.
    pub fn texts_of(&self, name: &str) -> Vec<String> {
        let mut found = Vec::new();
        for child in &self.children {
            if child.name == name {
                found.push(child.text.trim().to_owned());
            }
            found.extend(child.texts_of(name));
        }
        found
    }

    /// Replaces the children that have the name of this child by it.
    pub fn put(&mut self, child: Element) {
        self.remove(&child.name);
        self.children.push(child);
    }

    pub fn remove(&mut self, name: &str) {
        self.children.retain(|child| child.name != name);
    }

    fn begun(start: &BytesStart<'_>) -> Element {
        let namespace = start.try_get_attribute("xmlns").ok().flatten();
        Element {
            name: String::from_utf8_lossy(start.name().as_ref()).into_owned(),
            namespace: namespace.map(|it| String::from_utf8_lossy(&it.value).into_owned()),
            ..Element::default()
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}", self.name)?;
        if let Some(namespace) = &self.namespace {
            write!(f, " xmlns=\"{}\"", escape(namespace.as_str()))?;
        }
        write!(f, ">")?;
        if self.children.is_empty() {
            write!(f, "{}", escape(self.text.as_str()))?;
        }
        for child in &self.children {
            write!(f, "{child}")?;
        }
        write!(f, "</{}>", self.name)
    }
}

fn last(open: &mut [Element]) -> &mut Element {
    open.last_mut().expect("the document itself stays open")
}
