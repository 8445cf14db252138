"""Addresses are routed, nobody's twice, and spread as homes and rented machines are."""

from __future__ import annotations

import ipaddress

import pytest

from peerrec.errors import ConfigError
from peerrec.protocol.addresses import LOCAL, netgroup
from peerrec.protocol.invite import check_address
from peerrec_sim.attackers import plan_attacks
from peerrec_sim.attackers.stage import Stage
from peerrec_sim.where import GROUPS, HOSTS, RENTED, address_of, rented_address


def test_honest_people_have_a_netgroup_each_as_far_as_there_are_any():
    groups = [netgroup(address_of(index).host) for index in range(GROUPS)]
    assert len(set(groups)) == GROUPS
    assert LOCAL not in groups


@pytest.mark.parametrize("index", [0, 1, GROUPS, 1_000_000, GROUPS * HOSTS * HOSTS - 1])
def test_addresses_are_valid_and_public(index):
    for address in (address_of(index), rented_address(index % RENTED, index)):
        check_address(address)
        assert ipaddress.ip_address(address.host).is_global


def test_rented_machines_lie_in_their_network_and_in_no_home():
    homes = {netgroup(address_of(index).host) for index in range(GROUPS)}
    for network in (0, 7, 255, 256, RENTED - 1):
        hosts = {rented_address(network, nth).host for nth in range(600)}
        assert len({netgroup(host) for host in hosts} - homes) == 1
        assert len(hosts) == 600


def test_beyond_all_hosts_of_a_network_the_port_tells_places_apart():
    first, again = rented_address(3, 5), rented_address(3, 5 + HOSTS * HOSTS)
    assert (first.host, first.port + 1) == (again.host, again.port)


def test_a_number_without_an_address_is_refused():
    with pytest.raises(ConfigError):
        address_of(GROUPS * HOSTS * HOSTS)
    with pytest.raises(ConfigError):
        rented_address(RENTED, 0)


def test_the_sybils_of_an_attack_come_from_few_networks_that_no_other_attack_has():
    stage = Stage.small(kinds=("clone", "censor"), sybils=40)
    groups = [
        {netgroup(spec.address.host) for spec in plan.endpoints}
        for plan in plan_attacks(stage.view, seed=1)
    ]
    assert [len(each) for each in groups] == [8, 8]
    assert not groups[0] & groups[1]
