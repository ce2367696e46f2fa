-- Since when a reader's answers are what they are, known without a look at any usage row: for each allocation and
-- each user the newest revision under which anything told of them changed, and when a user's rights last did.
--
-- An allocation's is that of its statements, of the names of the users with rows in it, and of its project's name
-- and organisation; a user's is that of their own rows and their name. They say what the history says (see
-- allocation_revision and user_revision), and `verify` reckons them again.

alter table allocations add column newest_revision bigint not null default 0 check (newest_revision >= 0);
alter table users
    add column newest_revision bigint not null default 0 check (newest_revision >= 0),
    add column access_changed timestamptz not null default clock_timestamp();

-- Of an allocation without a statement nothing is told, whatever its project is called.
create function allocation_revision(of_allocation bigint) returns bigint language sql stable as $$
    select case when told.revision is null then 0 else greatest(
        told.revision,
        (select max(until_revision) from former_users
         where user_id in (select user_id from usage_rows where allocation_id = of_allocation)),
        (select max(until_revision) from former_projects
         where project_id = (select project_id from allocations where id = of_allocation)))
    end
    from (select max(revision) as revision from statements where allocation_id = of_allocation) as told
$$;
create function user_revision(of_user bigint) returns bigint language sql stable as $$
    select greatest(
        0,
        (select max(revision) from usage_rows where user_id = of_user),
        (select max(until_revision) from former_users where user_id = of_user))
$$;
update allocations set newest_revision = allocation_revision(id);
update users set newest_revision = user_revision(id);

create function see_statement() returns trigger language plpgsql as $$
begin
    update allocations set newest_revision = new.revision where id = new.allocation_id and newest_revision < new.revision;
    return null;
end
$$;
create trigger statements_begin_to_be_seen after insert on statements
    for each row execute function see_statement();
create trigger statements_seen_anew after update of revision on statements
    for each row when (new.revision > old.revision) execute function see_statement();

create function see_rows() returns trigger language plpgsql as $$
begin
    update users set newest_revision = newest.revision
    from (select user_id, max(revision) as revision from changed where user_id is not null group by user_id) as newest
    where users.id = newest.user_id and users.newest_revision < newest.revision;
    return null;
end
$$;
create trigger usage_rows_begin_to_be_seen after insert on usage_rows
    referencing new table as changed for each statement execute function see_rows();
create trigger usage_rows_seen_anew after update on usage_rows
    referencing new table as changed for each statement execute function see_rows();

create function see_name() returns trigger language plpgsql as $$
declare
    newest constant bigint := (select revision from ledger);
begin
    update users set newest_revision = newest where id = new.id and newest_revision < newest;
    update allocations set newest_revision = newest
    where id in (select allocation_id from usage_rows where user_id = new.id) and newest_revision < newest;
    return null;
end
$$;
create trigger users_seen_anew after update of full_name on users
    for each row when (old.full_name is distinct from new.full_name) execute function see_name();

create function see_project() returns trigger language plpgsql as $$
begin
    update allocations set newest_revision = ledger.revision from ledger
    where project_id = new.id and newest_revision > 0 and newest_revision < ledger.revision;
    return null;
end
$$;
create trigger projects_seen_anew after update on projects for each row
    when ((old.identifier, old.organisation_id) is distinct from (new.identifier, new.organisation_id))
    execute function see_project();

-- Rights: a user's own, their roles, and which organisation a project is of ---------------------------------

create function change_access() returns trigger language plpgsql as $$
begin
    new.access_changed := clock_timestamp();
    return new;
end
$$;
create trigger users_change_access before update on users for each row
    when ((old.username, old.is_staff, old.is_support, old.is_active, old.merged_into) is distinct from
          (new.username, new.is_staff, new.is_support, new.is_active, new.merged_into))
    execute function change_access();

create function change_access_by_role() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        update users set access_changed = clock_timestamp() where id = old.user_id;
    end if;
    if tg_op <> 'DELETE' then
        update users set access_changed = clock_timestamp() where id = new.user_id;
    end if;
    return null;
end
$$;
create trigger roles_change_access after insert or update or delete on roles
    for each row execute function change_access_by_role();

create function change_access_by_move() returns trigger language plpgsql as $$
begin
    update users set access_changed = clock_timestamp()
    where id in (select user_id from roles where organisation_id in (old.organisation_id, new.organisation_id));
    return null;
end
$$;
create trigger projects_change_access after update on projects for each row
    when (old.organisation_id is distinct from new.organisation_id) execute function change_access_by_move();

-- Who claims what in an allocation, claims that hold no more too: asked for with each report that is rebuilt.
create index associations_allocation on associations (allocation_id);
