//! Builds a tree with positions from the parser's events.

use std::collections::HashMap;
use std::ops::ControlFlow;

use saphyr_parser::{Event, ScalarStyle, Span, Tag};

use crate::config::path;
use crate::config::problem::Problems;
use crate::config::sentence::Sentence;
use crate::config::yaml::budget::{Budget, BudgetError, Weight};
use crate::config::yaml::members::OpenMapping;
use crate::config::yaml::scalar;
use crate::config::yaml::tree::{YamlNode, YamlValue};

/// Builds a tree.
pub struct Builder<'p> {
    problems: &'p mut Problems,
    open: Vec<OpenCollection>,
    root: Option<YamlNode>,
    documents: usize,
    anchors: HashMap<usize, (YamlNode, Weight)>,
    budget: Budget,
}

/// A collection whose end has not been read yet.
struct OpenCollection {
    path: String,
    place: LineAndColumn,
    anchor: usize,
    content: OpenContent,
}

enum OpenContent {
    Items(Vec<YamlNode>),
    Members(OpenMapping),
}

type LineAndColumn = (usize, usize);
/// Whether reading continues.
type Flow = ControlFlow<()>;

/// The parser's number for a node without an anchor.
const NO_ANCHOR: usize = 0;

impl<'p> Builder<'p> {
    /// A builder without events.
    pub fn new(problems: &'p mut Problems) -> Builder<'p> {
        Builder {
            problems,
            open: Vec::new(),
            root: None,
            documents: 0,
            anchors: HashMap::new(),
            budget: Budget::default(),
        }
    }

    /// Handles the next event. `Break` means that the rest of the text is not read.
    pub fn take(&mut self, event: Event<'_>, span: Span) -> Flow {
        let place = (span.start.line(), span.start.col() + 1);
        match event {
            Event::DocumentStart(_) => self.document(place),
            Event::Scalar(text, style, anchor, tag) => {
                self.scalar(&text, style, anchor, tag.as_deref(), place)
            }
            Event::SequenceStart(anchor, tag) => self.begin(
                OpenContent::Items(Vec::new()),
                anchor,
                tag.as_deref(),
                place,
            ),
            Event::MappingStart(anchor, tag) => self.begin(
                OpenContent::Members(OpenMapping::default()),
                anchor,
                tag.as_deref(),
                place,
            ),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(anchor, place),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {
                Flow::Continue(())
            }
        }
    }

    /// The tree. `None` if a problem left no tree. An empty document is an empty mapping.
    pub fn finish(self) -> Option<YamlNode> {
        let empty =
            |line, column| Some(YamlNode::new(YamlValue::Mapping(Vec::new()), line, column));
        match self.root {
            Some(YamlNode {
                value: YamlValue::Null,
                line,
                column,
                ..
            }) => empty(line, column),
            None if self.documents == 0 => empty(1, 1),
            root => root,
        }
    }

    fn document(&mut self, place: LineAndColumn) -> Flow {
        self.documents += 1;
        if self.documents == 1 {
            return Flow::Continue(());
        }
        self.problems.error_at(
            "",
            place,
            "a second document begins here",
            "keep one, and remove the `---` between them",
        );
        Flow::Break(())
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        place: LineAndColumn,
    ) -> Flow {
        self.spend(Weight::of_scalar(text.len()), place)?;
        if let Some(tag) = tag
            && !(tag.is_yaml_core_schema() && tag.suffix == "str")
        {
            self.problems.error_at(
                &self.next_path(),
                place,
                "tags other than `!!str` are not supported",
                "remove the tag",
            );
        }
        let value = match (tag, style) {
            (None, ScalarStyle::Plain) => scalar::plain(text),
            _ => YamlValue::String(text.to_owned()),
        };
        self.complete(YamlNode::new(value, place.0, place.1), anchor)
    }

    fn begin(
        &mut self,
        content: OpenContent,
        anchor: usize,
        tag: Option<&Tag>,
        place: LineAndColumn,
    ) -> Flow {
        self.spend(Weight::of_collection(), place)?;
        let path = self.next_path();
        if tag.is_some() {
            self.problems.error_at(
                &path,
                place,
                "tags other than `!!str` are not supported",
                "remove the tag",
            );
        }
        self.open.push(OpenCollection {
            path,
            place,
            anchor,
            content,
        });
        Flow::Continue(())
    }

    fn end(&mut self) -> Flow {
        let Some(OpenCollection {
            place: (line, column),
            anchor,
            content,
            ..
        }) = self.open.pop()
        else {
            return Flow::Continue(());
        };
        let value = match content {
            OpenContent::Items(items) => YamlValue::Sequence(items),
            OpenContent::Members(members) => YamlValue::Mapping(members.into_vec()),
        };
        self.complete(YamlNode::new(value, line, column), anchor)
    }

    fn alias(&mut self, anchor: usize, place: LineAndColumn) -> Flow {
        let Some((_, weight)) = self.anchors.get(&anchor) else {
            return self.stop(
                place,
                "this alias is inside the value that it repeats",
                "write the value out",
            );
        };
        self.spend(*weight, place)?;
        match self.anchors.get(&anchor) {
            Some((node, _)) => self.complete(
                YamlNode {
                    line: place.0,
                    column: place.1,
                    ..node.clone()
                },
                NO_ANCHOR,
            ),
            None => Flow::Continue(()),
        }
    }

    /// Adds a finished node to the open collection, or makes it the root.
    fn complete(&mut self, node: YamlNode, anchor: usize) -> Flow {
        if anchor != NO_ANCHOR {
            let weight = Weight::of(&node);
            // The stored copy of an anchored value counts too. Otherwise nested anchors could use memory without a limit.
            self.spend(weight, (node.line, node.column))?;
            self.anchors.insert(anchor, (node.clone(), weight));
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(OpenCollection {
                content: OpenContent::Items(items),
                ..
            }) => items.push(node),
            Some(OpenCollection {
                content: OpenContent::Members(members),
                path,
                ..
            }) => members.push(node, path, self.problems),
        }
        Flow::Continue(())
    }

    /// The path of the next node.
    fn next_path(&self) -> String {
        match self.open.last() {
            None => String::new(),
            Some(OpenCollection {
                path,
                content: OpenContent::Items(items),
                ..
            }) => path::item(path, items.len()),
            Some(OpenCollection {
                path,
                content: OpenContent::Members(members),
                ..
            }) => match members.pending() {
                Some(key) => path::member(path, &key.name),
                None => path.clone(),
            },
        }
    }

    fn spend(&mut self, weight: Weight, place: LineAndColumn) -> Flow {
        match self.budget.spend(weight, self.open.len()) {
            Ok(()) => Flow::Continue(()),
            Err(bound @ BudgetError::Depth) => {
                self.stop(place, Sentence::own(bound.to_string()), "nest less")
            }
            Err(bound) => self.stop(place, Sentence::own(bound.to_string()), "make it smaller"),
        }
    }

    fn stop(
        &mut self,
        place: LineAndColumn,
        what: impl Into<Sentence>,
        advice: &'static str,
    ) -> Flow {
        self.problems
            .error_at(&self.next_path(), place, what, advice);
        self.root = None;
        Flow::Break(())
    }
}
