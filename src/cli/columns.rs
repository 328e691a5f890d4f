//! Columns that stay aligned as lines come, each as wide as its widest text so far, up to a bound.

/// No column grows wider; a longer text moves the rest of its own line.
const WIDEST: usize = 44;

/// The widths of so many columns.
#[derive(Clone, Debug)]
pub struct Columns<const N: usize>([usize; N]);

impl<const N: usize> Default for Columns<N> {
    fn default() -> Columns<N> {
        Columns([0; N])
    }
}

impl<const N: usize> Columns<N> {
    /// Makes room for these texts.
    pub fn fit(&mut self, texts: &[String; N]) {
        for (width, text) in self.0.iter_mut().zip(texts) {
            *width = (*width).max(text.chars().count().min(WIDEST));
        }
    }

    /// The texts in their columns; the last is not filled up.
    pub fn line(&self, texts: &[String; N]) -> String {
        self.cells(texts).join("  ").trim_end().to_owned()
    }

    /// Each text, filled up to its column's width.
    pub fn cells(&self, texts: &[String; N]) -> [String; N] {
        let mut cells = texts.clone();
        for (cell, width) in cells.iter_mut().zip(self.0) {
            *cell = format!("{cell:<width$}");
        }
        cells
    }
}
