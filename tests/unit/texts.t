#!/usr/bin/perl
# Texts that people read are written alike, whoever has written them (docs/conventions.md),
# and say the same in both languages.

use utf8;
use lib 'tests/lib';
use IHanoi::Test;
use JSON::PP;
use Unicode::Normalize qw(NFC);

# A mark on the second vowel ("hoá"); where a consonant follows it stands there anyway, and
# the u of "quý" is the consonant's.
my $modern = qr/(?:o[àáảãạèéẻẽẹ]|(?<!q)u[ỳýỷỹỵ])(?!\p{L})/i;

sub spelling {
    my ($text) = @_;

    return 'it is not in NFC' if NFC($text) ne $text;
    return $text =~ $modern ? "the mark of \"$&\"" : ();
}

sub words {
    my ($text) = @_;

    return (spelling($text),
            ($text =~ /\bhãy\b/i ? 'it is no "vui lòng"' : ()),
            ($text =~ /\bbạn\b/i ? 'people are not "bạn"' : ()),
            ($text =~ /^\s|\s$|\s\s|\s[.,;:]/ ? 'spaces' : ()));
}

sub members { return join ' ', sort $_[0] =~ /\{(\w+)\}/g }

# sentence: a detail is one, a title is none.
sub pair {
    my ($where, $pair, $sentence) = @_;
    my ($vi, $en) = @$pair{qw(vi en)};
    my @wrong = (words($vi),
                 (members($vi) ne members($en) ? 'English has other members' : ()),
                 (map { ($_ =~ /\.$/) == $sentence ? () : "the end of \"$_\"" } $vi, $en));

    is("@wrong", '', "$where: $vi");
    return;
}

sub files { return map { sort glob "'${\ tree()}'/$_" } @_ }


# Problems of the contracts, and what plugins are called.

my $read = 0;

for my $file (files(qw(conf/api/*.json plugins/*/openapi.json bin/templates/*/openapi.json))) {
    my $problems = JSON::PP->new->decode(text_of($file))->{'x-ihanoi-problems'};

    for my $code (sort keys %$problems) {
        pair("$code, title", $problems->{$code}{title}, 0);
        pair("$code, detail", $problems->{$code}{detail}, 1) if $problems->{$code}{detail};
        $read++;
    }
}
cmp_ok($read, '>', 150, 'problems were read');

for my $file (files('plugins/*/plugin.json')) {
    my $manifest = JSON::PP->new->decode(text_of($file));
    pair($manifest->{name}, $manifest->{title}, 0);
}


# The gateway's own.

my $rows = text_of('ngx_ihanoi_module/ngx_http_ihanoi_problem_document.c') =~ s/"\s*"//gr;
my @own = $rows =~ /"([\w-]+)"\)?, \d{3},\s*(?:ngx_string\()?"([^"]+)"\)?,\s*(?:ngx_string\()?"([^"]+)"/g;
cmp_ok(scalar @own, '>=', 3 * 43, 'rows were read');

while (my ($code, $vi, $en) = splice @own, 0, 3) {
    pair("$code, title", { vi => $vi, en => $en }, 0);
}


# What SQL and Lua say. Communes are spelt as in the list of their codes; what landed as a
# migration, or was agreed to, stays as it is.

for my $file (files(qw(sql/code/*/*.sql sql/demo/*.sql sql/reference/[134567]*.sql
                       plugins/*/sql/*.sql plugins/*/demo/*.sql plugins/*/lib/*.lua)))
{
    my @wrong = spelling(text_of($file));
    is("@wrong", '', $file) if @wrong;
}

done_testing();
