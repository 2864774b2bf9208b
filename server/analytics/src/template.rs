//! The template language of pipes.
