//! A project: its data sources and pipes, checked and ready to serve.
