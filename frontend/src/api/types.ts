import type { components } from './schema';

type Schemas = components['schemas'];

export type Project = Schemas['ProjectView'];
/** What people see of an edition today in Seoul. */
export type Phase = Schemas['PhaseName'];
/** A status of an edition, moved by commands of staff. */
export type Status = Schemas['StatusName'];
/** A step of a consultation. */
export type Step = Schemas['StepName'];
/** What a signed-in person may be. */
export type Role = Schemas['RoleName'];
/** A person of the sales team who takes part in a consultation. */
export type PersonRole = Schemas['PersonRoleName'];
/** 분야. The names of categories and regions are data of the API and stay Korean. */
export type Category = Schemas['CategoryName'];
export type Region = Schemas['RegionName'];
export type Consultation = Schemas['ConsultationView'];
export type Interest = Schemas['InterestView'];
export type Match = Schemas['MatchView'];
export type Salesman = Schemas['SalesmanView'];
export type Account = Schemas['AccountView'];
export type SignedIn = Schemas['SignedInView'];
