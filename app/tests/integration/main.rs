//! The pages as the server renders them: whole documents, with data that a
//! transport of the tests' own hands out. That the real analytics server
//! answers so is tested end to end, in `end2end/`.

mod account;
mod dashboard;
mod document;
mod support;
mod token;
