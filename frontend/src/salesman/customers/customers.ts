import type { components } from '@/api/schema';
import type { Interest } from '@/api/types';
import type { PhoneSubject } from '../phone/usePhone';

type Served = components['schemas']['ServedCustomer'];

/** A marked programme, as far as a row shows it. */
export type MarkedProgramme = Pick<Interest, 'id' | 'projectId' | 'projectName' | 'project'>;

/** A customer as a row of a list. */
export interface Customer {
  id: string;
  name: string | undefined;
  /** With hidden digits; unknown for a customer without interests. */
  phone: string | undefined;
  lastFour: string | undefined;
  /** What a whole number would be shown for. */
  subject: PhoneSubject | undefined;
  /** The interests that are known here, newest first. */
  interests: MarkedProgramme[];
  interestCount: number;
  consultationCount: number;
  /** The latest activity. */
  lastActivityAt?: string | undefined;
  daysSince?: number | undefined;
}

/** Customers with these interests, in the order of their newest one. */
export function byCustomer(interests: readonly Interest[]): Customer[] {
  const customers = new Map<string, Customer>();
  for (const interest of interests) {
    const id = interest.customerId;
    if (!id) continue;
    const known = customers.get(id);
    const all = [...(known?.interests ?? []), interest];
    const phone = known?.phone ?? interest.phone ?? undefined;
    customers.set(id, {
      id,
      // An interest that was entered without a name does not hide the name of another one.
      name: known?.name ?? interest.customerName ?? undefined,
      phone,
      lastFour: phone?.slice(-4),
      subject: known?.subject ?? { kind: 'interest', id: interest.id },
      interests: all,
      interestCount: all.length,
      consultationCount: 0,
    });
  }
  return [...customers.values()];
}

function subjectOf({ interests, consultations }: Served): PhoneSubject | undefined {
  const interest = interests.at(-1);
  if (interest) return { kind: 'interest', id: interest };
  const [consultation] = consultations;
  return consultation ? { kind: 'consultation', id: consultation } : undefined;
}

/** A customer of the caller, as a row. */
export function ofServed(row: Served): Customer {
  return {
    id: row.customerId,
    name: row.customerName ?? undefined,
    phone: row.phone ?? undefined,
    lastFour: row.lastFour,
    subject: subjectOf(row),
    interests: row.newestInterest ? [row.newestInterest] : [],
    interestCount: row.interests.length,
    consultationCount: row.consultations.length,
    lastActivityAt: row.lastActivityAt,
    daysSince: row.daysSince,
  };
}
