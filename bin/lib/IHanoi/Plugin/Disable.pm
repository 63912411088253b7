package IHanoi::Plugin::Disable;

# ihanoi plugin disable.

use strict;
use warnings;
use IHanoi::Plugin::Switch qw(switch);


sub run {
    return switch('disable', 1);
}


1;
