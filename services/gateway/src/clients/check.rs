//! Whether anybody can use the gateway, as `/ready` says it. Pure.

use auth::Survey;

/// How many faults are named.
const NAMED: usize = 5;

/// Fails where nobody could use the gateway; says what keeps out some. `stale` is why the clients are not those of
/// their file.
pub fn verdict(
    stale: Option<String>,
    keys: &Survey,
    has_service_accounts: bool,
) -> Result<Option<String>, String> {
    let stale = stale.map(|why| format!("the clients stay as they were: {why}"));
    let mut faults: Vec<String> =
        stale.into_iter().chain(keys.faults.iter().map(ToString::to_string)).collect();
    let usable = keys.usable > 0 || has_service_accounts;
    if !usable && faults.is_empty() {
        faults.push("no client is listed".to_owned());
    }
    if faults.len() > NAMED {
        let more = faults.split_off(NAMED).len();
        faults.push(format!("and {more} more"));
    }
    let said = (!faults.is_empty()).then(|| format!("ClientsUnusable: {}", faults.join("; ")));
    match said {
        Some(why) if !usable => Err(why),
        said => Ok(said),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use auth::Fault;

    use super::*;

    fn survey(usable: usize, gone: usize) -> Survey {
        let fault = |number| Fault::Unusable { client: format!("c{number}"), why: "gone".to_owned() };
        Survey { usable, faults: (0..gone).map(fault).collect::<BTreeSet<_>>() }
    }

    #[test]
    fn it_fails_only_where_nobody_could_use_the_gateway() {
        assert_eq!(verdict(None, &survey(1, 0), false), Ok(None));
        assert_eq!(verdict(None, &survey(0, 0), true), Ok(None));
        let gone = "ClientsUnusable: the key of c0 can't be used: gone".to_owned();
        assert_eq!(verdict(None, &survey(1, 1), false), Ok(Some(gone.clone())));
        assert_eq!(verdict(None, &survey(0, 1), true), Ok(Some(gone.clone())));
        assert_eq!(verdict(None, &survey(0, 1), false), Err(gone));
        assert_eq!(
            verdict(None, &survey(0, 0), false),
            Err("ClientsUnusable: no client is listed".to_owned())
        );
    }

    #[test]
    fn a_file_that_does_not_count_comes_first_and_the_list_ends() {
        let said = verdict(Some("clients.json: broken".to_owned()), &survey(1, 6), false).unwrap().unwrap();
        assert!(
            said.starts_with("ClientsUnusable: the clients stay as they were: clients.json: broken; "),
            "{said}"
        );
        assert!(said.ends_with("the key of c3 can't be used: gone; and 2 more"), "{said}");
    }
}
