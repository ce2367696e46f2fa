-- The ledger's first schema. Figures are whole node-seconds (or seconds of a component); months and days are UTC.

-- One row: the ledger's clock. A posting locks it first, so postings come one after the other and revisions
-- are handed out without gaps, in the order in which they become visible.
create table ledger (
    singleton boolean primary key default true check (singleton),
    uuid uuid not null default gen_random_uuid(),
    revision bigint not null default 0 check (revision >= 0)
);
insert into ledger default values;

-- Who and what exists -------------------------------------------------------------------------------------

create table organisations (
    id bigint generated always as identity primary key,
    uuid uuid not null unique default gen_random_uuid(),
    identifier text not null unique check (identifier <> ''),
    name text not null,
    created timestamptz not null default now()
);

create table projects (
    id bigint generated always as identity primary key,
    uuid uuid not null unique default gen_random_uuid(),
    identifier text not null unique check (identifier like '_%._%'),
    organisation_id bigint not null references organisations,
    created timestamptz not null default now()
);
create index projects_organisation on projects (organisation_id);

create table resources (
    id bigint generated always as identity primary key,
    uuid uuid not null unique default gen_random_uuid(),
    name text not null unique check (name <> ''),
    created timestamptz not null default now()
);

-- A user without a username has no login: a person known from reports only.
create table users (
    id bigint generated always as identity primary key,
    uuid uuid not null unique default gen_random_uuid(),
    username text unique check (username <> ''),
    full_name text not null default '',
    email text not null default '',
    is_staff boolean not null default false,
    is_support boolean not null default false,
    is_active boolean not null default true,
    created timestamptz not null default now(),
    check (username is not null or not (is_staff or is_support))
);

-- The names by which portals know a user: 'alice.brics' is one person in all projects of that portal.
create table identities (
    identity text primary key check (identity like '_%._%'),
    user_id bigint not null references users
);
create index identities_user on identities (user_id);

create table roles (
    id bigint generated always as identity primary key,
    user_id bigint not null references users,
    role text not null,
    organisation_id bigint references organisations,
    project_id bigint references projects,
    granted timestamptz not null default now(),
    unique nulls not distinct (user_id, role, organisation_id, project_id),
    constraint roles_fit_what_they_are_of check (
        case
            when role in ('owner', 'reader') then organisation_id is not null and project_id is null
            when role in ('manager', 'member') then project_id is not null and organisation_id is null
            else false
        end
    )
);

-- Only the SHA-256 of a token is kept; 'expires' null is a token without an end.
create table tokens (
    id bigint generated always as identity primary key,
    user_id bigint not null references users,
    sha256 bytea not null unique check (octet_length(sha256) = 32),
    rights text not null default 'read' check (rights in ('read', 'write')),
    created timestamptz not null default now(),
    expires timestamptz,
    revoked timestamptz
);
create index tokens_user on tokens (user_id);

create table allocations (
    id bigint generated always as identity primary key,
    uuid uuid not null unique default gen_random_uuid(),
    project_id bigint not null references projects,
    resource_id bigint not null references resources,
    local_group text,
    node_limit_node_seconds bigint check (node_limit_node_seconds >= 0),
    created timestamptz not null default now(),
    unique (project_id, resource_id)
);

-- What reports said of who is who on the machine. Rows are only ever added: a user who left keeps their usage.
create table associations (
    id bigint generated always as identity primary key,
    uuid uuid not null unique default gen_random_uuid(),
    allocation_id bigint not null references allocations,
    user_id bigint not null references users,
    user_identifier text not null check (user_identifier like '_%._%._%'),
    local_user text not null check (local_user <> ''),
    local_group text,
    created timestamptz not null default now(),
    unique (allocation_id, user_identifier, local_user)
);
create index associations_user on associations (user_id);

-- Usage ---------------------------------------------------------------------------------------------------

create table postings (
    revision bigint primary key check (revision > 0),
    allocation_id bigint not null references allocations,
    year smallint not null,
    month smallint not null check (month between 1 and 12),
    source text not null,
    document text not null,
    document_sha256 bytea not null check (octet_length(document_sha256) = 32),
    posted timestamptz not null default clock_timestamp(),
    former_node_seconds bigint check (former_node_seconds >= 0),
    node_seconds bigint not null check (node_seconds >= 0)
);
create index postings_statement on postings (allocation_id, year, month);

create table statements (
    allocation_id bigint not null references allocations,
    year smallint not null check (year between 1970 and 2200),
    month smallint not null check (month between 1 and 12),
    node_seconds bigint not null check (node_seconds >= 0),
    complete_days smallint not null check (complete_days between 0 and 31),
    row_count integer not null default 0 check (row_count >= 0),
    revision bigint not null references postings,
    primary key (allocation_id, year, month) include (row_count)
);
create unique index statements_in_order on statements (year, month, allocation_id) include (row_count);

-- How many usage rows each month has: with the statements' own counts, a page is found without counting rows.
create table month_counts (
    year smallint not null,
    month smallint not null,
    row_count bigint not null check (row_count >= 0),
    primary key (year, month)
);

create table usage_days (
    allocation_id bigint not null,
    day date not null,
    year smallint not null generated always as (extract(year from day)) stored,
    month smallint not null generated always as (extract(month from day)) stored,
    is_complete boolean not null,
    jobs bigint not null check (jobs >= 0),
    wait_seconds bigint not null check (wait_seconds >= 0),
    revision bigint not null references postings,
    primary key (allocation_id, day),
    foreign key (allocation_id, year, month) references statements
);

create table daily_usage (
    allocation_id bigint not null,
    day date not null,
    local_user text not null check (local_user <> ''),
    node_seconds bigint not null check (node_seconds >= 0),
    jobs bigint not null check (jobs >= 0),
    wait_seconds bigint not null check (wait_seconds >= 0),
    primary key (allocation_id, day, local_user),
    foreign key (allocation_id, day) references usage_days
);
create index daily_usage_local_user on daily_usage (allocation_id, local_user, day);

create table daily_components (
    allocation_id bigint not null,
    day date not null,
    local_user text not null check (local_user <> ''),
    component text not null check (component <> ''),
    component_seconds bigint not null check (component_seconds >= 0),
    primary key (allocation_id, day, local_user, component),
    foreign key (allocation_id, day) references usage_days
);

-- The resource of the API. user_id null is the unattributed row, of which every statement has exactly one.
create table usage_rows (
    id bigint generated always as identity primary key,
    allocation_id bigint not null,
    year smallint not null check (year between 1970 and 2200),
    month smallint not null check (month between 1 and 12),
    user_id bigint references users,
    username text not null check (username <> ''),
    node_seconds bigint not null check (node_seconds >= 0),
    revision bigint not null references postings,
    unique nulls not distinct (allocation_id, year, month, user_id),
    foreign key (allocation_id, year, month) references statements,
    check ((user_id is null) = (username = 'unknown'))
);
create unique index usage_rows_in_order on usage_rows (year, month, allocation_id, id);
create unique index usage_rows_of_user on usage_rows (user_id, year, month, allocation_id, id);

-- Rows never vanish and ids never change ------------------------------------------------------------------

create function refuse_to_lose_usage_rows() returns trigger language plpgsql as $$
begin
    raise exception 'a usage row never vanishes and never changes its allocation or month'
        using errcode = 'integrity_constraint_violation',
              hint = 'Post a statement in which its figure is 0 instead.';
end
$$;
create trigger usage_rows_stay before delete on usage_rows
    for each row execute function refuse_to_lose_usage_rows();
create trigger usage_rows_are_not_truncated before truncate on usage_rows
    for each statement execute function refuse_to_lose_usage_rows();
create trigger usage_rows_keep_their_place before update on usage_rows
    for each row when (
        (old.id, old.allocation_id, old.year, old.month) is distinct from
        (new.id, new.allocation_id, new.year, new.month)
    ) execute function refuse_to_lose_usage_rows();

-- Counts, kept by the database itself ---------------------------------------------------------------------

create function count_usage_rows() returns trigger language plpgsql as $$
begin
    update statements s set row_count = s.row_count + added.n
    from (select allocation_id, year, month, count(*) as n from new_rows group by 1, 2, 3) as added
    where (s.allocation_id, s.year, s.month) = (added.allocation_id, added.year, added.month);

    insert into month_counts (year, month, row_count)
    select year, month, count(*) from new_rows group by 1, 2 order by 1, 2
    on conflict (year, month) do update set row_count = month_counts.row_count + excluded.row_count;
    return null;
end
$$;
create trigger usage_rows_counted after insert on usage_rows
    referencing new table as new_rows
    for each statement execute function count_usage_rows();

-- The sum holds: Σ usage rows = the statement's total = Σ daily usage, checked before commit --------------

create function check_statement() returns trigger language plpgsql as $$
declare
    kept record;
    by_row record;
    by_day record;
begin
    select node_seconds, row_count, complete_days into kept from statements
    where allocation_id = new.allocation_id and year = new.year and month = new.month;

    select coalesce(sum(node_seconds), 0) as node_seconds, count(*) as row_count,
           count(*) filter (where user_id is null) as unattributed_rows
    into by_row from usage_rows
    where allocation_id = new.allocation_id and year = new.year and month = new.month;

    select coalesce(sum(used.node_seconds), 0) as node_seconds,
           (select count(*) from usage_days where allocation_id = new.allocation_id and is_complete
               and day >= make_date(new.year, new.month, 1)
               and day < make_date(new.year, new.month, 1) + interval '1 month') as complete_days
    into by_day from daily_usage used
    where allocation_id = new.allocation_id
        and day >= make_date(new.year, new.month, 1)
        and day < make_date(new.year, new.month, 1) + interval '1 month';

    if by_row.node_seconds <> kept.node_seconds or by_day.node_seconds <> kept.node_seconds then
        raise exception 'the sum does not hold: allocation %, %-%: % by row, % by day, % in the statement',
            new.allocation_id, new.year, lpad(new.month::text, 2, '0'),
            by_row.node_seconds, by_day.node_seconds, kept.node_seconds
            using errcode = 'integrity_constraint_violation';
    end if;
    if by_row.row_count <> kept.row_count or by_row.unattributed_rows <> 1
            or by_day.complete_days <> kept.complete_days then
        raise exception 'the counts do not hold: allocation %, %-%: % rows (% unattributed), % complete days',
            new.allocation_id, new.year, lpad(new.month::text, 2, '0'),
            by_row.row_count, by_row.unattributed_rows, by_day.complete_days
            using errcode = 'integrity_constraint_violation';
    end if;
    return null;
end
$$;
create constraint trigger statement_holds after insert or update on statements
    deferrable initially deferred
    for each row execute function check_statement();

-- Whoever changes rows or days, by whatever way, has the statements they belong to checked.
create function recheck_statements_of_rows() returns trigger language plpgsql as $$
begin
    update statements s set row_count = s.row_count
    from (select distinct allocation_id, year, month from changed) as c
    where (s.allocation_id, s.year, s.month) = (c.allocation_id, c.year, c.month);
    return null;
end
$$;
create trigger usage_rows_changed after update on usage_rows
    referencing new table as changed
    for each statement execute function recheck_statements_of_rows();

create function recheck_statements_of_days() returns trigger language plpgsql as $$
begin
    update statements s set row_count = s.row_count
    from (
        select distinct allocation_id, extract(year from day)::smallint as year,
               extract(month from day)::smallint as month
        from changed
    ) as c
    where (s.allocation_id, s.year, s.month) = (c.allocation_id, c.year, c.month);
    return null;
end
$$;
create trigger daily_usage_added after insert on daily_usage
    referencing new table as changed for each statement execute function recheck_statements_of_days();
create trigger daily_usage_changed after update on daily_usage
    referencing new table as changed for each statement execute function recheck_statements_of_days();
create trigger daily_usage_moved after update on daily_usage
    referencing old table as changed for each statement execute function recheck_statements_of_days();
create trigger daily_usage_removed after delete on daily_usage
    referencing old table as changed for each statement execute function recheck_statements_of_days();
create trigger usage_days_added after insert on usage_days
    referencing new table as changed for each statement execute function recheck_statements_of_days();
create trigger usage_days_changed after update on usage_days
    referencing new table as changed for each statement execute function recheck_statements_of_days();
create trigger usage_days_removed after delete on usage_days
    referencing old table as changed for each statement execute function recheck_statements_of_days();
