import type { components } from '@/api/schema';
import { formatDay, type Day } from '@/texts/format';
import type { names } from '@/texts/names';
import type { notificationTexts } from './texts';

export type Notification = components['schemas']['NotificationView'];
type Texts = (typeof notificationTexts)['ko'];
type Names = (typeof names)['ko'];

/** A notification in words. */
export interface Words {
  /** What it is about, in bold. */
  subject: string;
  /** What happened. */
  happened: string;
  /** A date that moved; `from` is absent where there was none. */
  move?: { from?: string | undefined; to: string } | undefined;
  /** What stands below, besides the time. */
  below: string[];
  /** The view that shows more; nothing once the thing went to someone else. */
  to?: string | undefined;
}

const dayOr = (day: Day | null | undefined, text: string | null | undefined): string | undefined =>
  day ? formatDay(day) : (text ?? undefined);

/** Where more about the notification is. */
export function targetOf({ link, details }: Notification): string | undefined {
  switch (link?.kind) {
    case 'consultation':
      return `/salesman/consultations/${link.id}`;
    case 'interest':
      return details.customerId
        ? `/salesman/customers?customer=${details.customerId}`
        : '/salesman/customers';
    case 'project':
      return `/salesman/customers?project=${link.id}`;
    default:
      return undefined;
  }
}

/** Without a target, it went to someone else since, and what it was is not known any more. */
function assignedWords(kind: string | undefined, t: Texts): string {
  if (kind === 'consultation') return t.kinds.assignedConsultation;
  return kind === 'interest' ? t.kinds.assignedInterest : t.kinds.assigned;
}

function editedWords({ details }: Notification, t: Texts): string {
  if (!details.desiredDate) return t.kinds.memoEdited;
  return details.memoChanged ? t.kinds.bothEdited : t.kinds.dateEdited;
}

/** How a deadline moved. */
function deadlineWords({ details }: Notification, t: Texts): string {
  const { previous, new: next } = details;
  if (!previous || !next) return t.kinds.moved;
  return next < previous ? t.kinds.earlier : t.kinds.later;
}

function happenedIn(notification: Notification, t: Texts, n: Names): string {
  const { kind, link, details } = notification;
  switch (kind) {
    case 'assigned':
      return assignedWords(link?.kind, t);
    case 'taken_away':
      return t.kinds.taken;
    case 'interest_on':
      return t.kinds.interestOn;
    case 'interest_off':
      return t.kinds.interestOff;
    case 'consultation_edited':
      return editedWords(notification, t);
    case 'consultation_progressed':
      return t.kinds.progressed(details.to ? n.step[details.to] : '');
    case 'project_started':
      return t.kinds.started;
    case 'project_ended':
      return t.kinds.ended;
    case 'deadline_moved':
      return deadlineWords(notification, t);
    case 'new_edition':
      return t.kinds.newEdition;
  }
}

const ABOUT_A_PROJECT: readonly Notification['kind'][] = [
  'project_started',
  'project_ended',
  'deadline_moved',
  'new_edition',
];

/** The notification as the page says it. */
export function wordsOf(notification: Notification, t: Texts, n: Names): Words {
  const { kind, details } = notification;
  const project = details.projectName ?? t.project;
  const customer = details.lastFour ? t.customer(details.lastFour) : undefined;
  const happened = happenedIn(notification, t, n);
  const to = targetOf(notification);
  if (ABOUT_A_PROJECT.includes(kind)) {
    const after = dayOr(details.new, details.periodText);
    const move =
      kind === 'deadline_moved' && after
        ? { from: dayOr(details.previous, undefined), to: after }
        : undefined;
    const below = details.customers ? [t.ofCustomers(details.customers)] : [];
    return { subject: project, happened, move, below, to };
  }
  const move =
    kind === 'consultation_edited' && details.desiredDate
      ? { to: formatDay(details.desiredDate) }
      : undefined;
  // What a customer's notification is about is erased once the customer went to someone else.
  if (!customer) return { subject: project, happened, move, below: [], to };
  return { subject: customer, happened, move, below: [project], to };
}
