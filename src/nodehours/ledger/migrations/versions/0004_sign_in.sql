-- How people sign in to the dashboard: by a password, by an OpenID provider, or by a link that opens once. Of what
-- opens a session, and of sessions themselves, only hashes are kept. None of it is usage: no revision tells of it.

alter table tokens
    add column name text not null default '' check (length(name) <= 255),
    add column last_used timestamptz;

create table passwords (
    user_id bigint primary key references users,
    hash text not null check (hash like '$argon2id$%'),
    changed timestamptz not null default now()
);

create table sessions (
    id bigint generated always as identity primary key,
    user_id bigint not null references users,
    sha256 bytea not null unique check (octet_length(sha256) = 32),
    started timestamptz not null default now(),
    expires timestamptz not null,
    ended timestamptz,
    how text not null check (how in ('password', 'oidc', 'link')),
    agent text not null default '' check (length(agent) <= 200)
);
create index sessions_user on sessions (user_id);

create table sign_in_links (
    sha256 bytea primary key check (octet_length(sha256) = 32),
    user_id bigint not null references users,
    made timestamptz not null default now(),
    expires timestamptz not null,
    used timestamptz
);
create index sign_in_links_user on sign_in_links (user_id);

-- Who the subject of an OpenID provider is: a provider may give a name to somebody else one day, never a subject.
create table logins (
    issuer text not null check (issuer <> ''),
    subject text not null check (subject <> ''),
    user_id bigint not null references users,
    bound timestamptz not null default now(),
    primary key (issuer, subject)
);
create index logins_user on logins (user_id);

-- Attempts that failed, for as long as they are counted. What was tried as a name need not be anybody's.
create table sign_in_attempts (
    id bigint generated always as identity primary key,
    name text not null check (length(name) <= 100),
    address text not null check (length(address) <= 100),
    tried timestamptz not null default now()
);
create index sign_in_attempts_name on sign_in_attempts (name, tried);
create index sign_in_attempts_address on sign_in_attempts (address, tried);
create index sign_in_attempts_tried on sign_in_attempts (tried);

-- What was mailed to whom about a project, and what a mail told of each of its allocations. A mail is claimed before it
-- is sent, so that nobody else sends it meanwhile; 'sent' is when the mail server took it.
alter table users add column wants_mail boolean not null default true;

create table mails (
    id bigint generated always as identity primary key,
    uuid uuid not null unique default gen_random_uuid(),
    user_id bigint not null references users,
    project_id bigint not null references projects,
    is_report boolean not null,
    tries smallint not null default 1 check (tries in (1, 2)),
    claimed timestamptz not null,
    sent timestamptz check (sent >= claimed)
);
create unique index mails_claimed on mails (user_id, project_id) where sent is null;
create index mails_project on mails (project_id, claimed);
create index mails_user on mails (user_id);

create table mail_figures (
    mail_id bigint not null references mails on delete cascade,
    allocation_id bigint not null references allocations,
    node_seconds bigint not null check (node_seconds >= 0),
    node_limit_node_seconds bigint not null check (node_limit_node_seconds > 0),
    primary key (mail_id, allocation_id)
);

-- What pages of the whole centre are read from: sums over months from this index alone, and the newest complete day.
create index statements_summed on statements (year, month, allocation_id)
    include (node_seconds, complete_days, is_closed, is_restated);
create index usage_days_complete on usage_days (day) where is_complete;
