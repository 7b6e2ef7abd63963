import type { components } from '@/api/schema';
import type { Interest } from '@/api/types';
import type { PhoneSubject } from '../phone/usePhone';

type Unattended = components['schemas']['UnattendedView'];

/** A customer as a row of a list. */
export interface Customer {
  id: string;
  name: string | undefined;
  /** With hidden digits. */
  phone: string | undefined;
  /** What a whole number would be shown for. */
  subject: PhoneSubject | undefined;
  /** The interests whose programme is known here, newest first. */
  interests: Interest[];
  interestCount: number;
  consultationCount: number;
  /** Days without activity, for customers without contact. */
  daysSince?: number | undefined;
}

/** Customers with their interests, in the order of their newest one. */
export function byCustomer(interests: readonly Interest[]): Customer[] {
  const customers = new Map<string, Customer>();
  for (const interest of interests) {
    const id = interest.customerId;
    if (!id) continue;
    const known = customers.get(id);
    const all = [...(known?.interests ?? []), interest];
    customers.set(id, {
      id,
      // An interest that was entered without a name does not hide the name of another one.
      name: known?.name ?? interest.customerName ?? undefined,
      phone: known?.phone ?? interest.phone ?? undefined,
      subject: known?.subject ?? { kind: 'interest', id: interest.id },
      interests: all,
      interestCount: all.length,
      consultationCount: 0,
    });
  }
  return [...customers.values()];
}

/** A customer without contact as a row. */
export function ofUnattended(row: Unattended): Customer {
  const [interest] = row.interests;
  const [consultation] = row.consultations;
  const subject: PhoneSubject | undefined = interest
    ? { kind: 'interest', id: interest }
    : consultation
      ? { kind: 'consultation', id: consultation }
      : undefined;
  return {
    id: row.customerId,
    name: row.customerName ?? undefined,
    phone: row.phone ?? undefined,
    subject,
    interests: [],
    interestCount: row.interests.length,
    consultationCount: row.consultations.length,
    daysSince: row.daysSince,
  };
}
