package Catalogue::Test;

# The catalogue beside the plugins of a test, which ask it for consents.
#
#   my $http = catalogue_conf($db);                  # goes into gateway(http => ...)
#   my $r = agree($gw, $token, 'bills', 'lookup', 1);      # PUT, of version 1
#   my $r = disagree($gw, $token, 'bills', 'lookup');      # DELETE

use strict;
use warnings;
use Exporter 'import';
use IHanoi::Test ();
use IHanoi::Test::Plugin;

our @EXPORT = qw(catalogue_conf agree disagree);


# Directives of http{}: the plugin and its database, made in db; lines change what is
# said of the database.
sub catalogue_conf {
    my ($db, @lines) = @_;
    my $folder = IHanoi::Test::tree() . '/plugins/catalogue';

    return <<"CONF" . plugin_database($db, $folder, 'read connections=1;', 'write connections=2;', @lines);
ihanoi_plugin catalogue {
    path      $folder;
    public;
    database  catalogue;
    event     person.erased;
    check     always;
}
CONF
}


sub agree {
    my ($gw, $token, $service, $purpose, $version) = @_;
    return $gw->request('PUT', "/v1/services/$service/consents/$purpose", token => $token,
                        json => { version => $version });
}


sub disagree {
    my ($gw, $token, $service, $purpose) = @_;
    return $gw->request('DELETE', "/v1/services/$service/consents/$purpose", token => $token);
}


1;
