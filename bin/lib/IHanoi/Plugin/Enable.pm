package IHanoi::Plugin::Enable;

# ihanoi plugin enable.

use strict;
use warnings;
use IHanoi::Plugin::Switch qw(switch);


sub run {
    return switch('enable', 0);
}


1;
