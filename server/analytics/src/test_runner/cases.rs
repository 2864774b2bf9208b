//! Reading `tests/<pipe>.yaml`.

use std::path::Path;

use serde::Deserialize;

use super::TestRunError;

/// The cases of one pipe.
#[derive(Debug)]
pub(super) struct CaseFile {
    /// Relative to the project.
    pub(super) path: String,
    /// The file's name without its ending.
    pub(super) pipe: String,
    pub(super) cases: Vec<Case>,
}

/// One request and the answer it should get.
#[derive(Debug, PartialEq)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) expected_result: String,
    pub(super) expected_http_status: Option<u16>,
}

/// A case as it stands in the file.
#[derive(Debug, Deserialize)]
struct Written {
    name: String,
    #[serde(default)]
    parameters: Option<String>,
    #[serde(default)]
    expected_result: Option<String>,
    #[serde(default)]
    expected_http_status: Option<u16>,
}

/// Reads all files of a project's `tests`, in the order of their names.
pub(super) fn read(project: &Path) -> Result<Vec<CaseFile>, TestRunError> {
    let Ok(entries) = std::fs::read_dir(project.join("tests")) else {
        return Ok(Vec::new());
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml" || extension == "yml")
        {
            paths.push(path);
        }
    }
    paths.sort();
    paths.iter().map(|path| read_file(path)).collect()
}

fn read_file(path: &Path) -> Result<CaseFile, TestRunError> {
    let name =
        |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let file = format!("tests/{}", name(path.file_name()));
    let unreadable = |message: String| TestRunError::Tests {
        file: file.clone(),
        message,
    };
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    let cases = parse(&text).map_err(unreadable)?;
    Ok(CaseFile {
        pipe: name(path.file_stem()),
        cases,
        path: file,
    })
}

fn parse(text: &str) -> Result<Vec<Case>, String> {
    let written: Option<Vec<Written>> = serde_norway::from_str(text).map_err(|error| {
        format!(
            "{error}; a file is a list of cases with `name`, `parameters` and `expected_result`"
        )
    })?;
    // Names need not differ: each case runs.
    let cases = written.unwrap_or_default().into_iter().map(|case| Case {
        parameters: parameters(case.parameters.as_deref().unwrap_or_default()),
        name: case.name,
        expected_result: case.expected_result.unwrap_or_default(),
        expected_http_status: case.expected_http_status,
    });
    Ok(cases.collect())
}

/// `a=1&b=2`, or a whole address of which what follows the `?` counts. Spaces
/// and other characters may stand as they are.
fn parameters(text: &str) -> Vec<(String, String)> {
    let text = text.trim();
    let query = match text.split_once('?') {
        Some((_, query)) => query,
        None if text.contains("://") => "",
        None => text,
    };
    serde_urlencoded::from_str(query).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_read_as_they_are_written_in_the_wild() {
        let text = "
- name: all
  description: |
    Every row
  parameters: a=1&b=two words&c=x%26y
  expected_result: |
    {\"x\":1}
    {\"x\":2}
- name: wrong
  parameters: https://api.example.com/v0/pipes/p.json?a=+
  expected_result: 'no'
  expected_http_status: 400
- name: nothing
  parameters: ''
  expected_result: ''
";
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = [
            Case {
                name: "all".into(),
                parameters: vec![pair("a", "1"), pair("b", "two words"), pair("c", "x&y")],
                expected_result: "{\"x\":1}\n{\"x\":2}\n".into(),
                expected_http_status: None,
            },
            Case {
                name: "wrong".into(),
                parameters: vec![pair("a", " ")],
                expected_result: "no".into(),
                expected_http_status: Some(400),
            },
            Case {
                name: "nothing".into(),
                parameters: vec![],
                expected_result: String::new(),
                expected_http_status: None,
            },
        ];
        assert_eq!(parse(text).unwrap(), expected);
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn cases_of_one_name_all_count() {
        let text = "- name: a\n  parameters: x=1\n- name: a\n  parameters: x=2";
        let cases = parse(text).unwrap();
        let values: Vec<&str> = cases.iter().map(|case| &*case.parameters[0].1).collect();
        assert_eq!(values, ["1", "2"]);
    }

    #[test]
    fn what_is_no_list_of_cases_is_refused() {
        for text in [
            "- a: {sql: SELECT 1}",
            "name: a",
            "- [",
            "- name: a\n  expected_http_status: x",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
