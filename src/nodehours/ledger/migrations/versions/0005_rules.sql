-- By which rule the jobs of a day became node-seconds; '' is a day as it was reported. The rule is part of the day: it
-- changes under a revision only, its former value is kept, and the day's hash is of it too, by a line that days without
-- a rule do not have, so that all hashes there are stay what they are.

alter table usage_days add column rule text not null default '';
alter table former_days add column rule text not null default '';

create or replace function remember_days() returns trigger language plpgsql as $$
begin
    perform refuse_unrevised() from former join changed using (allocation_id, day)
    where changed.revision <= former.revision and changed is distinct from former;
    insert into former_days (allocation_id, day, is_complete, jobs, wait_seconds, node_seconds, sha256, rule,
                             revision, until_revision)
    select former.allocation_id, former.day, former.is_complete, former.jobs, former.wait_seconds,
           former.node_seconds, former.sha256, former.rule, former.revision, changed.revision
    from former join changed using (allocation_id, day) where changed.revision > former.revision;
    return null;
end
$$;

drop function usage_days_at;
create function usage_days_at(of_allocation bigint, since date, before date, at bigint)
returns table (
    day date, is_complete boolean, jobs bigint, wait_seconds bigint, node_seconds bigint, sha256 bytea, rule text,
    revision bigint
) language sql stable as $$
    select day, is_complete, jobs, wait_seconds, node_seconds, sha256, rule, revision from usage_days
    where allocation_id = of_allocation and day >= since and day < before and revision <= at
    union all
    select day, is_complete, jobs, wait_seconds, node_seconds, sha256, rule, revision from former_days
    where allocation_id = of_allocation and day >= since and day < before
        and revision <= at and until_revision > at
$$;

-- From which day on which rule: the days whose rule is another than that of the day before them that is known.
create function rules_at(of_allocation bigint, since date, before date, at bigint)
returns table (day date, rule text) language sql stable as $$
    select day, rule
    from (
        select day, rule, lag(rule) over (order by day) as rule_before
        from usage_days_at(of_allocation, since, before, at)
    ) as days
    where rule is distinct from rule_before
$$;

create or replace function day_sha256(of_allocation bigint, of_day date, at bigint) returns bytea
language sql stable as $$
    select sha256(convert_to(
        format(E'day\t%s\t%s\t%s\t%s\n', to_char(day, 'YYYY-MM-DD'),
               case when is_complete then 'complete' else 'incomplete' end, jobs, wait_seconds)
        || case when rule = '' then '' else format(E'rule\t%s\n', rule) end
        || coalesce((
            select string_agg(format(E'usage\t%s\t%s\t%s\t%s\n', local_user, node_seconds, jobs, wait_seconds), ''
                              order by local_user collate "C")
            from daily_usage_at(of_allocation, of_day, of_day + 1, at)), '')
        || coalesce((
            select string_agg(format(E'component\t%s\t%s\t%s\n', local_user, component, component_seconds), ''
                              order by local_user collate "C", component collate "C")
            from daily_components_at(of_allocation, of_day, of_day + 1, at)), ''), 'UTF8'))
    from usage_days_at(of_allocation, of_day, of_day + 1, at)
$$;

-- What the operator says of a resource's jobs: whose days their seconds are cut into, and which rule holds from when.
alter table resources add column time_zone text not null default 'UTC' check (time_zone <> '');

create table resource_rules (
    resource_id bigint not null references resources,
    since date not null,
    rule text not null check (rule <> ''),
    primary key (resource_id, since)
);

-- How far a source was read: it is moved in the transaction that posts what was read. A Slurm cluster is a stream.
create table bookmarks (
    resource_id bigint not null references resources,
    source text not null check (source <> ''),
    stream text not null,
    until timestamptz not null,
    primary key (resource_id, source, stream)
);
