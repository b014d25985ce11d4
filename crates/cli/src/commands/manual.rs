//! `completions` and `man`: what a shell and a reader need, made of the arguments as they are declared.

use clap::CommandFactory as _;

use crate::{
    args::{self, Args},
    exit::Kind,
    failure::Failure,
    io::Io,
};

pub(super) fn completions(typed: &args::Completions, io: &mut Io<'_>) -> Result<(), Failure> {
    let mut command = Args::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(typed.shell, &mut command, name, &mut script);
    io.result(&String::from_utf8_lossy(&script))
}

pub(super) fn man(typed: &args::Man, io: &mut Io<'_>) -> Result<(), Failure> {
    let mut command = Args::command().disable_help_subcommand(true);
    command.build();
    let source = command.render_version().trim_end().to_owned();
    if let Some(name) = &typed.command {
        let found = command.find_subcommand(name).cloned();
        command = found.ok_or_else(|| Failure::usage(format!("there is no command {name}")))?;
    }
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(command)
        .source(source)
        .render(&mut page);
    rendered.map_err(|error| Failure::new(Kind::File, "no manual page").because(&error))?;
    io.result(&String::from_utf8_lossy(&page))
}
