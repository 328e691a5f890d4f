//! Colours, where a terminal shows them.

use std::io::IsTerminal;

use crate::cli::settings::environment;

/// Whether text has terminal colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Coloured,
    Plain,
}

/// The colours and weights that the commands use: parameters of the escape sequence SGR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colour {
    Bold = 1,
    Dim = 2,
    Red = 31,
    Green = 32,
    Yellow = 33,
}

impl Paint {
    /// Colours only on a terminal, and only if NO_COLOR is not set (no-color.org).
    pub(crate) fn of(output: &impl IsTerminal) -> Paint {
        match output.is_terminal() && environment("NO_COLOR").is_none() {
            true => Paint::Coloured,
            false => Paint::Plain,
        }
    }

    /// The text in that colour.
    pub(crate) fn text(self, colour: Colour, text: &str) -> String {
        match self {
            Paint::Coloured => format!("\u{1b}[{}m{text}\u{1b}[0m", colour as u8),
            Paint::Plain => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Colour, Paint};

    #[test]
    fn colours_are_escape_sequences_around_the_text() {
        assert_eq!(
            Paint::Coloured.text(Colour::Red, "x"),
            "\u{1b}[31mx\u{1b}[0m"
        );
        assert_eq!(Paint::Plain.text(Colour::Red, "x"), "x");
    }
}
