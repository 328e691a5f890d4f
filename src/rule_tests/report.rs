//! The results of test cases: a table of differences for people, and JUnit's XML for CI.

use std::fmt::Write as _;

use crate::rule_tests::case::Difference;
use crate::rule_tests::runner::CaseResult;

/// The results of a file.
#[derive(Clone, Debug)]
pub(crate) struct FileResult {
    /// The path as given.
    pub(crate) file: String,
    pub(crate) cases: Vec<CaseResult>,
}

impl FileResult {
    pub(crate) fn failed(&self) -> usize {
        let failed = self
            .cases
            .iter()
            .filter(|case| !case.differences.is_empty());
        failed.count()
    }
}

/// The failed cases with their differences, and the number of all cases.
pub(crate) fn table(results: &[FileResult]) -> String {
    let mut text = String::new();
    for result in results {
        let failed = result.cases.iter();
        for case in failed.filter(|case| !case.differences.is_empty()) {
            // Writing into a `String` cannot fail.
            let _ = writeln!(text, "{}: {}", result.file, case.name);
            push_rows(&mut text, &case.differences);
            if let Some(cause) = &case.cause {
                let _ = writeln!(text, "  cause: {cause}");
            }
            text.push('\n');
        }
    }
    let all: usize = results.iter().map(|result| result.cases.len()).sum();
    let failed: usize = results.iter().map(FileResult::failed).sum();
    let _ = match failed {
        0 => write!(text, "{all} passed"),
        _ => write!(text, "{} passed, {failed} failed", all - failed),
    };
    text
}

fn push_rows(text: &mut String, differences: &[Difference]) {
    let header = Difference {
        field: String::new(),
        expected: "expected".to_owned(),
        actual: "actual".to_owned(),
    };
    let rows: Vec<&Difference> = [&header].into_iter().chain(differences).collect();
    let width = |read: fn(&Difference) -> &String| {
        let widths = rows.iter().map(|row| read(row).chars().count());
        widths.max().unwrap_or_default()
    };
    let (field, expected) = (width(|row| &row.field), width(|row| &row.expected));
    for row in &rows {
        let line = format!(
            "  {:<field$}  {:<expected$}  {}",
            row.field, row.expected, row.actual
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// The results in the XML that JUnit's readers understand.
pub(crate) fn junit(results: &[FileResult]) -> String {
    let all: usize = results.iter().map(|result| result.cases.len()).sum();
    let failed: usize = results.iter().map(FileResult::failed).sum();
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"{all}\" failures=\"{failed}\">\n"
    );
    for result in results {
        let file = escaped(&result.file);
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{file}\" tests=\"{}\" failures=\"{}\">",
            result.cases.len(),
            result.failed()
        );
        for case in &result.cases {
            let name = escaped(&case.name);
            let _ = write!(xml, "    <testcase classname=\"{file}\" name=\"{name}\"");
            if case.differences.is_empty() {
                xml.push_str("/>\n");
                continue;
            }
            let mut rows = String::new();
            push_rows(&mut rows, &case.differences);
            if let Some(cause) = &case.cause {
                let _ = writeln!(rows, "  cause: {cause}");
            }
            let fields: Vec<_> = case.differences.iter().map(|one| &*one.field).collect();
            let message = escaped(&format!("{} differs", fields.join(", ")));
            let _ = write!(
                xml,
                ">\n      <failure message=\"{message}\">{}</failure>\n    </testcase>\n",
                escaped(&rows)
            );
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

/// Text of an attribute or element. XML 1.0 has no form of most control characters.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            _ if character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}') => {
                escaped.push('\u{fffd}');
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{FileResult, junit, table};
    use crate::rule_tests::case::Difference;
    use crate::rule_tests::runner::CaseResult;

    fn results() -> Vec<FileResult> {
        let case = |name: &str, differences| CaseResult {
            name: name.to_owned(),
            differences,
            cause: None,
        };
        let difference = Difference {
            field: "reason".to_owned(),
            expected: "allowed".to_owned(),
            actual: "<&\"\u{1}".to_owned(),
        };
        vec![FileResult {
            file: "a.yaml".to_owned(),
            cases: vec![case("good", vec![]), case("bad", vec![difference])],
        }]
    }

    #[test]
    fn the_table_shows_each_difference_and_counts_the_cases() {
        assert_eq!(
            table(&results()),
            "a.yaml: bad\n          expected  actual\n  reason  allowed   <&\"\u{1}\n\n1 passed, 1 failed"
        );
    }

    #[test]
    fn the_junit_report_is_escaped_xml() {
        assert_eq!(
            junit(&results()),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"2\" failures=\"1\">\n  \
             <testsuite name=\"a.yaml\" tests=\"2\" failures=\"1\">\n    \
             <testcase classname=\"a.yaml\" name=\"good\"/>\n    \
             <testcase classname=\"a.yaml\" name=\"bad\">\n      \
             <failure message=\"reason differs\">          expected  actual\n  reason  allowed   &lt;&amp;&quot;\u{fffd}\n</failure>\n    \
             </testcase>\n  </testsuite>\n</testsuites>\n"
        );
    }
}
