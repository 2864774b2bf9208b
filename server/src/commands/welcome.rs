//! What a person at the terminal sees when everything is up: the addresses
//! and, on loopback, the demo accounts.

use std::fmt::Write;

use super::print;
use crate::services::Installation;

/// The people of demo/identity.toml that are worth a try, and what they see.
const DEMO_ACCOUNTS: [(&str, &str); 4] = [
    ("ada@united.example", "admin of United"),
    ("ben@jetblue.example", "member of JetBlue"),
    ("cleo@delta.example", "admin of Delta, member of Endeavor"),
    ("dan@nowhere.example", "in no organization"),
];

/// Prints where everything is.
pub(crate) fn show(installation: &Installation, demo_accounts: bool) {
    let config = &installation.config;
    let mut text = format!(
        "\n  Rookery serves\n\n    web        {}\n    analytics  {}\n",
        config.web.origin, config.web.analytics_origin
    );
    if demo_accounts {
        text.push_str(
            "\n  Demo accounts (password: rookery-demo, or one click on the sign-in page)\n\n",
        );
        for (mail, what) in DEMO_ACCOUNTS {
            writeln!(text, "    {mail:<22} {what}").expect("writing to a String cannot fail");
        }
    }
    text.push_str("\n  Ctrl-C ends it.\n");
    print(&text);
}
