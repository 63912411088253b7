package IHanoi::NginxConf;

# An nginx configuration with all that it includes, as a tree: to look at, and
# to write another one from.
#
#   my $conf = read_conf($file);           # dies with "FILE:LINE: reason"
#   my @blocks = find($conf, 'http', 'ihanoi_plugin');
#   print conf_text($conf);
#
# A directive is { name, args, as, words, block, file, line }: args are values,
# as and words the name and they as they were written, block a list of directives
# or undef. edit() makes a copy.

use strict;
use warnings;
use Exporter 'import';
use File::Basename qw(dirname);

our @EXPORT = qw(read_conf find directive edit conf_text);

# An include that includes itself.
use constant DEPTH => 16;

# A file of more than this is no configuration.
use constant SIZE => 4_194_304;


sub read_conf {
    my ($file) = @_;
    return _file($file, dirname($file), 0);
}


# Directives at a path of names: find($conf, 'http', 'server', 'listen').
sub find {
    my ($list, $name, @below) = @_;
    my @found = grep { $_->{name} eq $name } @{ $list // [] };

    return @below ? map { find($_->{block}, @below) } @found : @found;
}


# A new directive from values.
sub directive {
    my ($name, @args) = @_;
    my $block = ref $args[-1] ? pop @args : undef;

    return { name => $name, as => $name, args => \@args, words => [map { _word($_) } @args],
             block => $block };
}


# A copy of a tree in which $code has its way: it gets each directive and the
# names of the blocks around it, and returns what is to be in its place. Blocks
# of what it returns are edited after it.
sub edit {
    my ($list, $code, @around) = @_;

    return [map {
        my $new = $_;
        $new->{block}
            ? { %$new, block => edit($new->{block}, $code, @around, $new->{name}) }
            : $new;
    } map { $code->($_, @around) } @$list];
}


sub conf_text {
    my ($list, $indent) = @_;
    $indent //= '';

    return join '', map {
        my $head = $indent . join ' ', $_->{as}, @{ $_->{words} };
        $_->{block} ? "$head {\n" . conf_text($_->{block}, "$indent    ")
                      . "$indent}\n"
                    : "$head;\n";
    } @$list;
}


sub _file {
    my ($file, $home, $depth) = @_;

    die "$file: is included within itself\n" if $depth > DEPTH;
    open my $fh, '<:raw', $file or die "$file: could not be read: $!\n";
    die "$file: is larger than " . SIZE . " bytes\n" if -s $fh > SIZE;

    my $text = do { local $/; <$fh> } // '';
    my $at = { file => $file, line => 1, home => $home, depth => $depth };
    my $list = _list($at, \$text, 0);

    return $list;
}


# Directives up to the "}" of a block, or the end of the file.
sub _list {
    my ($at, $text, $inside) = @_;
    my @list;

    while (1) {
        my (@words, $end);
        my $line;

        while (1) {
            my ($kind, $word) = _token($at, $text);

            if ($kind eq 'word') {
                $line //= $at->{line};
                push @words, $word;
                next;
            }

            $end = $kind;
            last;
        }

        if (!@words) {
            return \@list if $end eq '}' && $inside || $end eq '' && !$inside;
            _wrong($at, $end eq '' ? 'ends within a block' : "unexpected \"$end\"");
        }

        _wrong($at, $end eq '' ? 'ends within a directive'
                               : "unexpected \"$end\" after \"$words[-1]\"")
            if $end ne ';' && $end ne '{';

        my ($name, @args) = map { _value($_) } @words;
        my $as = shift @words;
        my $directive = { name => $name, as => $as, args => \@args,
                          words => \@words, file => $at->{file},
                          line => $line };

        $directive->{block} = _list($at, $text, 1) if $end eq '{';

        push @list, $name eq 'include' && $end eq ';'
                    ? _included($at, $args[0] // '') : $directive;
    }
}


sub _included {
    my ($at, $pattern) = @_;
    my $path = $pattern =~ m{^/} ? $pattern : "$at->{home}/$pattern";
    my @files = $path =~ /[*?\[]/ ? sort glob("'" . $path =~ s/([\[\]*?])/'$1'/gr . "'")
                                  : $path;

    return map { @{ _file($_, $at->{home}, $at->{depth} + 1) } } @files;
}


# ('word', text), or ';', '{', '}' or '' at the end.
sub _token {
    my ($at, $text) = @_;

    for ($$text) {
        while (/\G(?:(\s+)|(#[^\n]*))/gc) {
            $at->{line} += ($1 // '') =~ tr/\n//;
        }

        return '' if /\G\z/gc;
        return $1 if /\G([;{}])/gc;

        if (/\G(["'])/gc) {
            my $quote = $1;
            my $start = pos() - 1;

            /\G(?:[^\\$quote]|\\.)*$quote/gcs
                or _wrong($at, 'a quoted text does not end');
            my $word = substr $_, $start, pos() - $start;
            $at->{line} += $word =~ tr/\n//;
            return ('word', $word);
        }

        # "${name}" is a variable, any other "{" begins a block.
        /\G((?:\\.|\$\{|[^\s;{\\])+)/gcs or _wrong($at, 'is not understood');
        return ('word', $1);
    }
}


sub _value {
    my ($word) = @_;

    $word =~ s/^(["'])(.*)\1\z/$2/s;
    $word =~ s{\\(["'\\trn])}{ { t => "\t", r => "\r", n => "\n" }->{$1} // $1 }ge;
    return $word;
}


sub _word {
    my ($value) = @_;

    return $value if $value =~ m{^[\w./:=,*@~^\[\]-]+\z};
    $value =~ s/(["\\])/\\$1/g;
    return "\"$value\"";
}


sub _wrong {
    my ($at, $why) = @_;
    die "$at->{file}:$at->{line}: $why\n";
}


1;
