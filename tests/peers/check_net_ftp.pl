#!/usr/bin/perl
# Perl's Net::FTP as a client for `ftpsim check client`: get|put|list HOST PORT USER PASSWORD [REMOTE LOCAL].

use strict;
use Net::FTP;

my ($what, $host, $port, $user, $password, $remote, $local) = @ARGV;
my $ftp = Net::FTP->new($host, Port => $port, Timeout => 8) or die "$@\n";
$ftp->login($user, $password) && $ftp->binary or die $ftp->message;
if ($what eq "list") {
    my $lines = $ftp->dir or die $ftp->message;
    print map {"$_\n"} @$lines;
} else {
    ($what eq "put" ? $ftp->put($local, $remote) : $ftp->get($remote, $local)) or die $ftp->message;
}
$ftp->quit;
