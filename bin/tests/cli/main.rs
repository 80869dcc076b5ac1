//! The program as its users see it: started, fed, interrupted, and judged by what it prints and how it exits.

mod bad_input;
mod children;
mod configuring;
mod damaged;
mod exporting;
mod inspecting;
mod interrupting;
mod loading;
mod providing;
mod replaying;
mod stopping;
mod storing;
mod world;
