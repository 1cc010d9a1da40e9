//! The text of a degree, for people and for scripts.

use cloud_client::Degree;

pub(crate) fn for_people(degree: Degree) -> &'static str {
    match degree {
        Degree::Unspecified => "",
        Degree::First => "1st",
        Degree::Second => "2nd",
        Degree::Third => "3rd",
        Degree::OutOfNetwork => "out of network",
        Degree::Self_ => "you",
        Degree::Unknown => "no such member",
    }
}

pub(crate) fn for_scripts(degree: Degree) -> &'static str {
    match degree {
        Degree::Unspecified => "unspecified",
        Degree::First => "first",
        Degree::Second => "second",
        Degree::Third => "third",
        Degree::OutOfNetwork => "out_of_network",
        Degree::Self_ => "self",
        Degree::Unknown => "unknown",
    }
}
