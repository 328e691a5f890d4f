//! Columns of a stream of lines. Each column is as wide as its widest text so far, up to a limit.

/// The maximum width of a column, in characters. A longer text shifts the rest of its own line only.
const MAX_COLUMN_WIDTH: usize = 44;

/// The current width of each of `N` columns.
#[derive(Clone, Debug)]
pub(crate) struct Columns<const N: usize>([usize; N]);

impl<const N: usize> Default for Columns<N> {
    fn default() -> Columns<N> {
        Columns([0; N])
    }
}

impl<const N: usize> Columns<N> {
    /// Widens the columns to fit these texts.
    pub(crate) fn fit(&mut self, texts: &[String; N]) {
        for (width, text) in self.0.iter_mut().zip(texts) {
            *width = (*width).max(text.chars().count().min(MAX_COLUMN_WIDTH));
        }
    }

    /// The texts as one line, without trailing spaces.
    pub(crate) fn line(&self, texts: &[String; N]) -> String {
        self.cells(texts).join("  ").trim_end().to_owned()
    }

    /// Each text, padded to the width of its column.
    pub(crate) fn cells(&self, texts: &[String; N]) -> [String; N] {
        let mut cells = texts.clone();
        for (cell, width) in cells.iter_mut().zip(self.0) {
            *cell = format!("{cell:<width$}");
        }
        cells
    }
}
