//! What a person at the terminal sees when everything is up: the addresses
//! and, on loopback, the people who can be tried.

use std::fmt::Write;

use identity::DemoAccount;

use super::print;
use crate::config::Config;

/// Prints where everything is, and who can sign in with one click.
pub(crate) fn show(config: &Config, accounts: &[DemoAccount]) {
    print(&text(config, accounts));
}

fn text(config: &Config, accounts: &[DemoAccount]) -> String {
    let mut text = format!(
        "\n  Rookery serves\n\n    web        {}\n    analytics  {}\n",
        config.web.origin, config.web.analytics_origin
    );
    if !accounts.is_empty() {
        text.push_str("\n  Demo accounts (one click on the sign-in page)\n\n");
    }
    for account in accounts {
        let memberships = match account.memberships.is_empty() {
            true => "in no organization".to_owned(),
            false => account.memberships.join(", "),
        };
        writeln!(text, "    {:<22} {memberships}", account.email)
            .expect("writing to a String cannot fail");
    }
    text.push_str("\n  Ctrl-C ends it.\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_people_that_exist_are_named_and_no_others() {
        let account = |email: &str, memberships: &[&str]| DemoAccount {
            email: email.to_owned(),
            memberships: memberships.iter().map(ToString::to_string).collect(),
        };
        let accounts = [
            account("mia@shop.example", &["admin of Shop", "member of Bakery"]),
            account("no@shop.example", &[]),
        ];
        let shown = text(&Config::default(), &accounts);
        assert!(shown.contains("mia@shop.example       admin of Shop, member of Bakery\n"));
        assert!(shown.contains("no@shop.example        in no organization\n"));
        assert!(!shown.contains("united.example"));
        assert!(!text(&Config::default(), &[]).contains("Demo accounts"));
    }
}
