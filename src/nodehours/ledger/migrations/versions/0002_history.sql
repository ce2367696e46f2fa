-- A ledger with memory: every changed figure leaves its former value, with the revision that replaced it.
--
-- A version of a figure holds from its 'revision' until (not including) its 'until_revision'. What holds now
-- stands in the table itself, what held before in the table 'former_…', which is only ever added to. So what
-- the ledger said at revision r is: what holds now and has revision <= r, and what is former and has
-- revision <= r < until_revision.

-- While it is made, the checks are not: what is here already has passed them.
alter table usage_rows disable trigger user;
alter table usage_days disable trigger user;
alter table daily_usage disable trigger user;
alter table statements disable trigger user;

-- Runs ----------------------------------------------------------------------------------------------------

create table runs (
    id bigint generated always as identity primary key,
    source text not null check (source <> ''),
    resource text,
    reason text not null default '',
    by_whom text not null default '',
    started timestamptz not null default clock_timestamp(),
    ended timestamptz,
    verdict text check (verdict in ('complete', 'partial', 'failed')),
    counts jsonb not null default '{}',
    messages text[] not null default '{}',
    check ((ended is null) = (verdict is null))
);

create table run_documents (
    id bigint generated always as identity primary key,
    run_id bigint not null references runs,
    name text not null,
    sha256 bytea not null check (octet_length(sha256) = 32),
    size_bytes bigint check (size_bytes >= 0)
);
create index run_documents_run on run_documents (run_id);
create index run_documents_sha256 on run_documents (sha256);

-- Revisions: the ticks of the ledger's clock, why and when ------------------------------------------------

create table revisions (
    revision bigint primary key check (revision > 0),
    kind text not null check (kind in (
        'posting', 'acceptance', 'closing', 'reopening', 'renaming', 'moving', 'merging', 'mapping', 'naming'
    )),
    document_id bigint references run_documents,
    by_whom text not null default '',
    reason text not null default '',
    recorded timestamptz not null
);
create index revisions_recorded on revisions (recorded, revision);
create index revisions_document on revisions (document_id);

-- The order of the first revisions is kept; their runs are known no closer than by their source.
insert into runs (source, started, ended, verdict)
select source, min(posted), max(posted), 'complete' from postings group by source order by source;
insert into run_documents (run_id, name, sha256)
select runs.id, document, document_sha256
from postings join runs using (source) group by runs.id, document, document_sha256 order by min(revision);
insert into revisions (revision, kind, document_id, recorded)
select revision, 'posting', run_documents.id, max(posted) over (order by revision)
from postings
join runs using (source)
join run_documents on (run_id, name, sha256) = (runs.id, document, document_sha256);

-- Deferred: a revision is recorded last, so that its time is that of the moment it could be read.
alter table statements drop constraint statements_revision_fkey,
    add foreign key (revision) references revisions deferrable initially deferred;
alter table usage_days drop constraint usage_days_revision_fkey,
    add foreign key (revision) references revisions deferrable initially deferred;
alter table usage_rows drop constraint usage_rows_revision_fkey,
    add foreign key (revision) references revisions deferrable initially deferred;
alter table postings
    drop constraint postings_pkey,
    drop column source, drop column document, drop column document_sha256, drop column posted,
    add primary key (revision, allocation_id, year, month),
    add foreign key (revision) references revisions deferrable initially deferred;

-- What was answered before this migration is known of its last revision only.
alter table ledger add column first_remembered bigint not null default 0 check (first_remembered >= 0);
update ledger set first_remembered = revision;

-- Who and what exists -------------------------------------------------------------------------------------

alter table resources add column nodes integer check (nodes > 0);
alter table allocations add column starts date, add column ends date, add check (starts <= ends);
alter table users add column merged_into bigint references users check (merged_into <> id);

-- A claim that no longer holds is retired, never deleted.
alter table associations
    add column retired_revision bigint references revisions deferrable initially deferred,
    drop constraint associations_allocation_id_user_identifier_local_user_key;
create unique index associations_that_hold on associations (allocation_id, user_identifier, local_user)
    where retired_revision is null;

-- Staff's word on whose a local user is (null: nobody's). The last one holds, and reports have no say any more.
create table mappings (
    id bigint generated always as identity primary key,
    allocation_id bigint not null references allocations,
    local_user text not null check (local_user <> ''),
    user_identifier text check (user_identifier like '_%._%._%'),
    revision bigint not null references revisions deferrable initially deferred
);
create index mappings_local_user on mappings (allocation_id, local_user, id);

-- All names that a project ever had lead to it.
create table project_names (
    identifier text primary key check (identifier like '_%._%'),
    project_id bigint not null references projects
);
create index project_names_project on project_names (project_id);
insert into project_names (identifier, project_id) select identifier, id from projects;

create table former_projects (
    project_id bigint not null references projects,
    identifier text not null,
    organisation_id bigint not null references organisations,
    until_revision bigint not null,
    primary key (project_id, until_revision),
    check (until_revision > 0)
);

create table former_users (
    user_id bigint not null references users,
    full_name text not null,
    until_revision bigint not null,
    primary key (user_id, until_revision),
    check (until_revision > 0)
);

-- Usage ---------------------------------------------------------------------------------------------------

alter table statements
    add column count_revision bigint check (count_revision > 0),
    add column is_closed boolean not null default false,
    add column is_restated boolean not null default false,
    add column sha256 bytea check (octet_length(sha256) = 32);
update statements set count_revision = revision;
alter table statements alter column count_revision set not null;
drop index statements_in_order;
create unique index statements_in_order on statements (year, month, allocation_id)
    include (row_count, count_revision);

alter table month_counts add column revision bigint check (revision >= 0);
update month_counts set revision = (select revision from ledger);
alter table month_counts alter column revision set not null;

alter table usage_days
    add column node_seconds bigint check (node_seconds >= 0),
    add column sha256 bytea check (octet_length(sha256) = 32);
alter table daily_usage add column revision bigint check (revision > 0);
alter table daily_components add column revision bigint check (revision > 0);
alter table usage_rows add column first_revision bigint check (first_revision > 0);

create table former_statements (
    allocation_id bigint not null,
    year smallint not null,
    month smallint not null,
    node_seconds bigint not null,
    complete_days smallint not null,
    row_count integer not null,
    is_closed boolean not null,
    is_restated boolean not null,
    sha256 bytea not null,
    revision bigint not null,
    until_revision bigint not null check (until_revision > revision),
    primary key (allocation_id, year, month, until_revision),
    foreign key (allocation_id, year, month) references statements,
    check (least(node_seconds, complete_days, row_count, year, revision) >= 0 and month between 1 and 12)
);
-- What pages of former revisions are found by: it grows only when rows are added.
create table former_statement_counts (
    year smallint not null,
    month smallint not null,
    allocation_id bigint not null references allocations,
    row_count integer not null,
    revision bigint not null,
    until_revision bigint not null check (until_revision > revision),
    primary key (year, month, allocation_id, until_revision) include (revision, row_count),
    check (least(row_count, year, revision) >= 0 and month between 1 and 12)
);
create table former_month_counts (
    year smallint not null,
    month smallint not null,
    row_count bigint not null,
    revision bigint not null,
    until_revision bigint not null check (until_revision > revision),
    primary key (year, month, until_revision) include (revision, row_count),
    check (least(row_count, year, revision) >= 0 and month between 1 and 12)
);
create table former_days (
    allocation_id bigint not null references allocations,
    day date not null,
    is_complete boolean not null,
    jobs bigint not null,
    wait_seconds bigint not null,
    node_seconds bigint not null,
    sha256 bytea not null,
    revision bigint not null,
    until_revision bigint not null check (until_revision > revision),
    primary key (allocation_id, day, until_revision),
    check (least(jobs, wait_seconds, node_seconds, revision) >= 0)
);
create table former_daily_usage (
    allocation_id bigint not null references allocations,
    day date not null,
    local_user text not null,
    node_seconds bigint not null,
    jobs bigint not null,
    wait_seconds bigint not null,
    revision bigint not null,
    until_revision bigint not null check (until_revision > revision),
    primary key (allocation_id, day, local_user, until_revision),
    check (least(node_seconds, jobs, wait_seconds, revision) >= 0)
);
create table former_daily_components (
    allocation_id bigint not null references allocations,
    day date not null,
    local_user text not null,
    component text not null,
    component_seconds bigint not null,
    revision bigint not null,
    until_revision bigint not null check (until_revision > revision),
    primary key (allocation_id, day, local_user, component, until_revision),
    check (least(component_seconds, revision) >= 0)
);
create table former_rows (
    usage_row_id bigint not null references usage_rows,
    username text not null,
    node_seconds bigint not null,
    revision bigint not null,
    until_revision bigint not null check (until_revision > revision),
    primary key (usage_row_id, until_revision),
    check (least(node_seconds, revision) >= 0)
);

-- Closed months, and what waits for a decision ------------------------------------------------------------

create table closings (
    id bigint generated always as identity primary key,
    organisation_id bigint references organisations,
    project_id bigint references projects,
    year smallint not null check (year between 1970 and 2200),
    month smallint not null check (month between 1 and 12),
    closed_revision bigint not null references revisions deferrable initially deferred,
    reopened_revision bigint references revisions deferrable initially deferred,
    check (num_nonnulls(organisation_id, project_id) = 1)
);
create unique index closings_that_hold on closings (year, month, organisation_id, project_id) nulls not distinct
    where reopened_revision is null;

-- What was posted into a closed month: the days as reported (none: its rows are to be told anew).
create table pending (
    id bigint generated always as identity primary key,
    allocation_id bigint not null references allocations,
    year smallint not null check (year between 1970 and 2200),
    month smallint not null check (month between 1 and 12),
    document_id bigint references run_documents,
    reason text not null default '',
    base_revision bigint not null check (base_revision >= 0),
    days jsonb not null,
    former_node_seconds bigint check (former_node_seconds >= 0),
    node_seconds bigint not null check (node_seconds >= 0),
    sha256 bytea not null check (octet_length(sha256) = 32),
    made timestamptz not null default clock_timestamp(),
    status text not null default 'waiting' check (status in ('waiting', 'accepted', 'declined', 'superseded')),
    decided timestamptz,
    decided_by text,
    decision_reason text,
    revision bigint references revisions deferrable initially deferred,
    check ((status = 'waiting') = (decided is null))
);
create unique index pending_waiting on pending (allocation_id, year, month) where status = 'waiting';
create index pending_statement on pending (allocation_id, year, month);

create table quarantine (
    id bigint generated always as identity primary key,
    document_id bigint references run_documents,
    source text not null,
    resource text not null,
    project text not null default '',
    place text not null default '',
    reason text not null,
    sentence text not null,
    record bytea not null,
    sha256 bytea not null check (octet_length(sha256) = 32),
    held timestamptz not null default clock_timestamp(),
    status text not null default 'held' check (status in ('held', 'released', 'dropped')),
    decided timestamptz,
    decided_by text,
    decision_reason text,
    check ((status = 'held') = (decided is null))
);
-- What was dropped does not come up again; what was released may be doubted another time.
create unique index quarantine_once on quarantine (source, resource, project, place, sha256)
    where status <> 'released';

-- What the ledger said at a revision ----------------------------------------------------------------------

create function usage_days_at(of_allocation bigint, since date, before date, at bigint)
returns table (
    day date, is_complete boolean, jobs bigint, wait_seconds bigint, node_seconds bigint, sha256 bytea, revision bigint
) language sql stable as $$
    select day, is_complete, jobs, wait_seconds, node_seconds, sha256, revision from usage_days
    where allocation_id = of_allocation and day >= since and day < before and revision <= at
    union all
    select day, is_complete, jobs, wait_seconds, node_seconds, sha256, revision from former_days
    where allocation_id = of_allocation and day >= since and day < before
        and revision <= at and until_revision > at
$$;

create function daily_usage_at(of_allocation bigint, since date, before date, at bigint)
returns table (
    day date, local_user text, node_seconds bigint, jobs bigint, wait_seconds bigint, revision bigint
) language sql stable as $$
    select day, local_user, node_seconds, jobs, wait_seconds, revision from daily_usage
    where allocation_id = of_allocation and day >= since and day < before and revision <= at
    union all
    select day, local_user, node_seconds, jobs, wait_seconds, revision from former_daily_usage
    where allocation_id = of_allocation and day >= since and day < before
        and revision <= at and until_revision > at
$$;

create function daily_components_at(of_allocation bigint, since date, before date, at bigint)
returns table (day date, local_user text, component text, component_seconds bigint, revision bigint)
language sql stable as $$
    select day, local_user, component, component_seconds, revision from daily_components
    where allocation_id = of_allocation and day >= since and day < before and revision <= at
    union all
    select day, local_user, component, component_seconds, revision from former_daily_components
    where allocation_id = of_allocation and day >= since and day < before
        and revision <= at and until_revision > at
$$;

create function usage_rows_at(of_allocation bigint, of_year integer, of_month integer, at bigint)
returns table (id bigint, user_id bigint, username text, node_seconds bigint, revision bigint)
language sql stable as $$
    select row.id, row.user_id, told.username, told.node_seconds, told.revision
    from usage_rows as row
    cross join lateral (
        select row.username, row.node_seconds, row.revision where row.revision <= at
        union all
        select former.username, former.node_seconds, former.revision from former_rows as former
        where usage_row_id = row.id and row.revision > at and former.revision <= at and until_revision > at
    ) as told
    where allocation_id = of_allocation and year = of_year and month = of_month and first_revision <= at
$$;

create function statement_at(of_allocation bigint, of_year integer, of_month integer, at bigint)
returns table (
    node_seconds bigint, complete_days smallint, row_count integer, is_closed boolean, is_restated boolean,
    sha256 bytea, revision bigint
) language sql stable as $$
    select node_seconds, complete_days, row_count, is_closed, is_restated, sha256, revision from statements
    where allocation_id = of_allocation and year = of_year and month = of_month and revision <= at
    union all
    select node_seconds, complete_days, row_count, is_closed, is_restated, sha256, revision from former_statements
    where allocation_id = of_allocation and year = of_year and month = of_month
        and revision <= at and until_revision > at
$$;

-- Content hashes: SHA-256 of lines of text, fields parted by tabs, ordered by code point ------------------

create function day_sha256(of_allocation bigint, of_day date, at bigint) returns bytea
language sql stable as $$
    select sha256(convert_to(
        format(E'day\t%s\t%s\t%s\t%s\n', to_char(day, 'YYYY-MM-DD'),
               case when is_complete then 'complete' else 'incomplete' end, jobs, wait_seconds)
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

create function statement_sha256(of_allocation bigint, of_year integer, of_month integer, at bigint) returns bytea
language sql stable as $$
    select sha256(convert_to(
        format(E'statement\t%s\t%s-%s\t%s\t%s\n', allocations.uuid, of_year, lpad(of_month::text, 2, '0'),
               node_seconds, complete_days)
        || coalesce((
            select string_agg(format(E'row\t%s\t%s\t%s\t%s\n', row.id, users.uuid, row.username, row.node_seconds), ''
                              order by row.id)
            from usage_rows_at(of_allocation, of_year, of_month, at) as row
            left join users on users.id = row.user_id), '')
        || coalesce((
            select string_agg(format(E'day\t%s\t%s\n', to_char(day, 'YYYY-MM-DD'),
                                     encode(day_known.sha256, 'hex')), '' order by day)
            from usage_days_at(of_allocation, make_date(of_year, of_month, 1),
                               (make_date(of_year, of_month, 1) + interval '1 month')::date, at) as day_known), ''),
        'UTF8'))
    from statement_at(of_allocation, of_year, of_month, at), allocations
    where allocations.id = of_allocation
$$;

-- Usage that was here before this migration: the version that holds is the only one known.
update usage_rows set first_revision = revision;
update daily_usage set revision = usage_days.revision from usage_days
where (usage_days.allocation_id, usage_days.day) = (daily_usage.allocation_id, daily_usage.day);
update daily_components set revision = usage_days.revision from usage_days
where (usage_days.allocation_id, usage_days.day) = (daily_components.allocation_id, daily_components.day);
update usage_days set sha256 = day_sha256(allocation_id, day, revision), node_seconds = (
    select coalesce(sum(used.node_seconds), 0) from daily_usage as used
    where (used.allocation_id, used.day) = (usage_days.allocation_id, usage_days.day));
update statements set sha256 = statement_sha256(allocation_id, year, month, (select revision from ledger));
set constraints all immediate;
alter table usage_rows enable trigger user;
alter table usage_days enable trigger user;
alter table daily_usage enable trigger user;
alter table statements enable trigger user;
alter table usage_rows alter column first_revision set not null, add check (first_revision <= revision);
alter table daily_usage alter column revision set not null;
alter table daily_components alter column revision set not null;
alter table usage_days alter column node_seconds set not null, alter column sha256 set not null;

-- The former value is kept by the database itself ---------------------------------------------------------

create function refuse_unrevised() returns void language plpgsql as $$
begin
    raise exception 'a figure changes under a new revision only'
        using errcode = 'integrity_constraint_violation',
              hint = 'Post a statement: its former value is then kept.';
end
$$;

create function remember_rows() returns trigger language plpgsql as $$
begin
    perform refuse_unrevised() from former join changed using (id)
    where changed.revision <= former.revision
        and (changed.username, changed.node_seconds) is distinct from (former.username, former.node_seconds);
    insert into former_rows (usage_row_id, username, node_seconds, revision, until_revision)
    select former.id, former.username, former.node_seconds, former.revision, changed.revision
    from former join changed using (id) where changed.revision > former.revision;
    return null;
end
$$;
create trigger usage_rows_remembered after update on usage_rows
    referencing old table as former new table as changed
    for each statement execute function remember_rows();

create function remember_statement() returns trigger language plpgsql as $$
begin
    if new.revision > old.revision then
        insert into former_statements (allocation_id, year, month, node_seconds, complete_days, row_count,
                                       is_closed, is_restated, sha256, revision, until_revision)
        values (old.allocation_id, old.year, old.month, old.node_seconds, old.complete_days, old.row_count,
                old.is_closed, old.is_restated, old.sha256, old.revision, new.revision);
    elsif (new.node_seconds, new.complete_days, new.is_closed, new.is_restated, new.revision) is distinct from
          (old.node_seconds, old.complete_days, old.is_closed, old.is_restated, old.revision) then
        perform refuse_unrevised();
    end if;
    return null;
end
$$;
create trigger statements_remembered
    after update of node_seconds, complete_days, is_closed, is_restated, revision on statements
    for each row execute function remember_statement();

create function remember_days() returns trigger language plpgsql as $$
begin
    perform refuse_unrevised() from former join changed using (allocation_id, day)
    where changed.revision <= former.revision and changed is distinct from former;
    insert into former_days (allocation_id, day, is_complete, jobs, wait_seconds, node_seconds, sha256,
                             revision, until_revision)
    select former.allocation_id, former.day, former.is_complete, former.jobs, former.wait_seconds,
           former.node_seconds, former.sha256, former.revision, changed.revision
    from former join changed using (allocation_id, day) where changed.revision > former.revision;
    return null;
end
$$;
create trigger usage_days_remembered after update on usage_days
    referencing old table as former new table as changed
    for each statement execute function remember_days();

create function remember_daily_usage() returns trigger language plpgsql as $$
begin
    perform refuse_unrevised() from former join changed using (allocation_id, day, local_user)
    where changed.revision <= former.revision and changed is distinct from former;
    insert into former_daily_usage (allocation_id, day, local_user, node_seconds, jobs, wait_seconds,
                                    revision, until_revision)
    select former.allocation_id, former.day, former.local_user, former.node_seconds, former.jobs,
           former.wait_seconds, former.revision, changed.revision
    from former join changed using (allocation_id, day, local_user) where changed.revision > former.revision;
    return null;
end
$$;
create trigger daily_usage_remembered after update on daily_usage
    referencing old table as former new table as changed
    for each statement execute function remember_daily_usage();

create function remember_daily_components() returns trigger language plpgsql as $$
begin
    perform refuse_unrevised() from former join changed using (allocation_id, day, local_user, component)
    where changed.revision <= former.revision and changed is distinct from former;
    insert into former_daily_components (allocation_id, day, local_user, component, component_seconds,
                                         revision, until_revision)
    select former.allocation_id, former.day, former.local_user, former.component, former.component_seconds,
           former.revision, changed.revision
    from former join changed using (allocation_id, day, local_user, component)
    where changed.revision > former.revision;
    return null;
end
$$;
create trigger daily_components_remembered after update on daily_components
    referencing old table as former new table as changed
    for each statement execute function remember_daily_components();

-- What is taken out of a day leaves its value too, until the revision that the clock shows.
create function remember_removed_usage() returns trigger language plpgsql as $$
begin
    perform refuse_unrevised() from former, ledger where former.revision >= ledger.revision;
    insert into former_daily_usage (allocation_id, day, local_user, node_seconds, jobs, wait_seconds,
                                    revision, until_revision)
    select allocation_id, day, local_user, node_seconds, jobs, wait_seconds, former.revision, ledger.revision
    from former, ledger;
    return null;
end
$$;
create trigger removed_daily_usage_remembered after delete on daily_usage
    referencing old table as former
    for each statement execute function remember_removed_usage();

create function remember_removed_components() returns trigger language plpgsql as $$
begin
    perform refuse_unrevised() from former, ledger where former.revision >= ledger.revision;
    insert into former_daily_components (allocation_id, day, local_user, component, component_seconds,
                                         revision, until_revision)
    select allocation_id, day, local_user, component, component_seconds, former.revision, ledger.revision
    from former, ledger;
    return null;
end
$$;
create trigger removed_daily_components_remembered after delete on daily_components
    referencing old table as former
    for each statement execute function remember_removed_components();

create function remember_project() returns trigger language plpgsql as $$
begin
    insert into former_projects (project_id, identifier, organisation_id, until_revision)
    select old.id, old.identifier, old.organisation_id, revision from ledger;
    return null;
end
$$;
create trigger projects_remembered after update on projects for each row
    when ((old.identifier, old.organisation_id) is distinct from (new.identifier, new.organisation_id))
    execute function remember_project();

create function remember_user() returns trigger language plpgsql as $$
begin
    insert into former_users (user_id, full_name, until_revision) select old.id, old.full_name, revision from ledger
    where revision > 0
    on conflict do nothing;
    return null;
end
$$;
create trigger users_remembered after update on users for each row
    when (old.full_name is distinct from new.full_name) execute function remember_user();

-- History is only added to.
create function refuse_to_forget() returns trigger language plpgsql as $$
begin
    raise exception 'what is in % is never changed and never removed', tg_table_name
        using errcode = 'integrity_constraint_violation';
end
$$;
do $$
declare
    kept text;
begin
    foreach kept in array array['revisions', 'postings', 'former_statements', 'former_statement_counts',
        'former_month_counts', 'former_days', 'former_daily_usage', 'former_daily_components', 'former_rows',
        'former_projects', 'former_users'] loop
        execute format('create trigger %I before update or delete on %I for each row
                        execute function refuse_to_forget()', kept || '_stay', kept);
        execute format('create trigger %I before truncate on %I for each statement
                        execute function refuse_to_forget()', kept || '_are_not_truncated', kept);
    end loop;
end
$$;

drop trigger usage_rows_keep_their_place on usage_rows;
create trigger usage_rows_keep_their_place before update on usage_rows
    for each row when (
        (old.id, old.allocation_id, old.year, old.month, old.user_id, old.first_revision) is distinct from
        (new.id, new.allocation_id, new.year, new.month, new.user_id, new.first_revision)
    ) execute function refuse_to_lose_usage_rows();

-- Counts, and the versions of them -------------------------------------------------------------------------

create or replace function count_usage_rows() returns trigger language plpgsql as $$
begin
    insert into former_statement_counts (year, month, allocation_id, row_count, revision, until_revision)
    select s.year, s.month, s.allocation_id, s.row_count, s.count_revision, s.revision
    from (select distinct allocation_id, year, month from new_rows) as added
    join statements s using (allocation_id, year, month)
    where s.row_count > 0 and s.count_revision < s.revision;

    update statements s set row_count = s.row_count + added.n, count_revision = s.revision
    from (select allocation_id, year, month, count(*) as n from new_rows group by 1, 2, 3) as added
    where (s.allocation_id, s.year, s.month) = (added.allocation_id, added.year, added.month);

    insert into former_month_counts (year, month, row_count, revision, until_revision)
    select m.year, m.month, m.row_count, m.revision, added.revision
    from (select year, month, max(first_revision) as revision from new_rows group by 1, 2) as added
    join month_counts m using (year, month)
    where m.revision < added.revision;

    insert into month_counts (year, month, row_count, revision)
    select year, month, count(*), max(first_revision) from new_rows group by 1, 2 order by 1, 2
    on conflict (year, month) do update
    set row_count = month_counts.row_count + excluded.row_count, revision = excluded.revision;
    return null;
end
$$;

-- Checked when a figure changes, or a count; not when only the hash is written.
drop trigger statement_holds on statements;
create constraint trigger statement_holds
    after insert or update of node_seconds, complete_days, row_count on statements
    deferrable initially deferred
    for each row execute function check_statement();

create or replace function check_statement() returns trigger language plpgsql as $$
declare
    kept record;
    by_row record;
    by_day record;
    known record;
    since constant date := make_date(new.year, new.month, 1);
    before constant date := since + interval '1 month';
begin
    select node_seconds, row_count, complete_days, sha256 into kept from statements
    where allocation_id = new.allocation_id and year = new.year and month = new.month;

    select coalesce(sum(node_seconds), 0) as node_seconds, count(*) as row_count,
           count(*) filter (where user_id is null) as unattributed_rows
    into by_row from usage_rows
    where allocation_id = new.allocation_id and year = new.year and month = new.month;

    select coalesce(sum(node_seconds), 0) as node_seconds into by_day from daily_usage
    where allocation_id = new.allocation_id and day >= since and day < before;

    select coalesce(sum(node_seconds), 0) as node_seconds, count(*) filter (where is_complete) as complete_days
    into known from usage_days
    where allocation_id = new.allocation_id and day >= since and day < before;

    if by_row.node_seconds <> kept.node_seconds or by_day.node_seconds <> kept.node_seconds
            or known.node_seconds <> kept.node_seconds then
        raise exception 'the sum does not hold: allocation %, %-%: % by row, % by day, % in the statement',
            new.allocation_id, new.year, lpad(new.month::text, 2, '0'),
            by_row.node_seconds, by_day.node_seconds, kept.node_seconds
            using errcode = 'integrity_constraint_violation';
    end if;
    if by_row.row_count <> kept.row_count or by_row.unattributed_rows <> 1
            or known.complete_days <> kept.complete_days then
        raise exception 'the counts do not hold: allocation %, %-%: % rows (% unattributed), % complete days',
            new.allocation_id, new.year, lpad(new.month::text, 2, '0'),
            by_row.row_count, by_row.unattributed_rows, known.complete_days
            using errcode = 'integrity_constraint_violation';
    end if;
    if kept.sha256 is null then
        raise exception 'the statement has no content hash: allocation %, %-%',
            new.allocation_id, new.year, lpad(new.month::text, 2, '0')
            using errcode = 'integrity_constraint_violation';
    end if;
    return null;
end
$$;

-- What waits is told apart by the rows that it would make too: [[user identifier, node-seconds], …].
alter table pending add column figures jsonb not null;

-- An association is added by whoever holds the clock, in a transaction that may have begun before the last revision:
-- its own time is later than that, so that it is told which associations held at a revision.
alter table associations alter column created set default clock_timestamp();

-- By it the counts of some allocations are added up as of a former revision, without a look at the statements.
create index statements_of_allocation on statements (allocation_id, year, month) include (row_count, count_revision);
