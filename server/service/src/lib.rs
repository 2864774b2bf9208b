//! What every HTTP service of Rookery shares: errors, request ids, health and metrics
