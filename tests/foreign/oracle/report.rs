//! What the judges agree on, and the table of `docs/security-model.md`.

use std::fmt::Write as _;

use super::class::{Class, Side};
use super::classify::{classes, classify};
use super::judges::{Judged, Library};

/// The counts of one run.
pub(super) struct Report {
    tokens: usize,
    admitted: usize,
    accepted: [usize; 2],
    agreed: usize,
    classes: Vec<Count>,
    /// Differences without a class, in words.
    pub(super) unexplained: Vec<String>,
}

/// How many tokens a class has.
struct Count {
    class: &'static Class,
    tokens: usize,
    /// How many of them jose and joserfc judge differently from accredit.
    of: [usize; 2],
}

impl Report {
    pub(super) fn new(judged: &[Judged]) -> Report {
        let count =
            |matches: &dyn Fn(&Judged) -> bool| judged.iter().filter(|j| matches(j)).count();
        let empty = |class| Count {
            class,
            tokens: 0,
            of: [0, 0],
        };
        let mut report = Report {
            tokens: judged.len(),
            admitted: count(&|judged| judged.accredit.is_admission()),
            accepted: Library::BOTH
                .map(|library| count(&|judged| judged.of(library).error.is_none())),
            agreed: count(&|judged| {
                let admits = judged.accredit.is_admission();
                Library::BOTH
                    .iter()
                    .all(|library| judged.of(*library).error.is_none() == admits)
            }),
            classes: classes().map(empty).collect(),
            unexplained: Vec::new(),
        };
        judged.iter().for_each(|judged| report.add(judged));
        report
    }

    fn add(&mut self, judged: &Judged) {
        let mut found = [None, None];
        for (library, found) in Library::BOTH.into_iter().zip(&mut found) {
            match classify(judged, library) {
                Ok(class) => *found = class.map(|class| class.name),
                Err(description) => self.unexplained.push(description),
            }
        }
        for count in &mut self.classes {
            let is_of = found.map(|name| name == Some(count.class.name));
            count.tokens += usize::from(is_of.contains(&true));
            for (of, is_of) in count.of.iter_mut().zip(is_of) {
                *of += usize::from(is_of);
            }
        }
    }

    /// Classes without a token: their reason may be gone.
    pub(super) fn unused(&self) -> Vec<&'static str> {
        let unused = self.classes.iter().filter(|count| count.tokens == 0);
        unused.map(|count| count.class.name).collect()
    }

    /// The part of `docs/security-model.md` that has the numbers.
    pub(super) fn markdown(&self) -> String {
        let [jose, joserfc] = self.accepted.map(grouped);
        let mut text = format!(
            "Of {} tokens, accredit admits {}, jose accepts {jose} and joserfc {joserfc}. All three agree on {}.\n",
            grouped(self.tokens),
            grouped(self.admitted),
            grouped(self.agreed)
        );
        for (side, title) in [
            (Side::Laxer, "accredit admits what a library refuses"),
            (Side::Stricter, "accredit refuses what a library accepts"),
        ] {
            let _ = write!(
                text,
                "\n| {title} | tokens | jose | joserfc | why |\n| --- | --- | --- | --- | --- |\n"
            );
            for count in self.classes.iter().filter(|count| count.class.side == side) {
                let [jose, joserfc] = count.of.map(grouped);
                let Class { name, why, .. } = count.class;
                let tokens = grouped(count.tokens);
                let _ = writeln!(text, "| {name} | {tokens} | {jose} | {joserfc} | {why} |");
            }
        }
        text
    }
}

/// `20000` as `20,000`.
fn grouped(number: usize) -> String {
    let (thousands, rest) = (number / 1000, number % 1000);
    match thousands {
        0 => rest.to_string(),
        _ => format!("{},{rest:03}", grouped(thousands)),
    }
}
